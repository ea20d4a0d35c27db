// What the compiler accepts and refuses where tasks are enqueued and handled. `npm run check` compiles it, and fails where a line
// marked with `@ts-expect-error` compiles. Nothing runs.
import { expectTypeOf } from 'vitest';
import { z } from 'zod';
import {
  type Client,
  defineTask,
  PeriodicTaskManager,
  type Scheduler,
  type Worker,
  type Broker,
  type PeriodicTask,
  type TaskDefinition,
  type TaskToEnqueue,
} from '../../src/index.ts';

const Mail = defineTask('mail', { payload: z.object({ to: z.string(), kind: z.enum(['html', 'text']) }) });
const Sum = defineTask('sum', {
  payload: z.object({ n: z.number() }),
  result: z.object({ total: z.number() }),
});
const Ping = defineTask('ping', { queue: 'pings' });
const Sweep = defineTask('sweep', { payload: z.object({ dryRun: z.boolean() }).optional() });
/** Enqueued with texts, handled with a Date and a number. */
const Report = defineTask('report', {
  payload: z.object({
    day: z.iso.date().transform((day) => new Date(day)),
    top: z.string().transform(Number),
  }),
});
const Coerced = defineTask('coerced', {
  payload: z.object({ at: z.coerce.date<string>(), max: z.number().default(5) }),
});
const Piped = defineTask('piped', { payload: z.string().pipe(z.transform((text) => text.split(','))) });

export function enqueueing(client: Client): void {
  void client.enqueue(Mail, { to: 'a', kind: 'html' });
  void client.enqueue(Mail, { to: 'a', kind: 'html' }, { delay: '10s' });
  // @ts-expect-error the payload is missing
  void client.enqueue(Mail);
  // @ts-expect-error the payload is missing
  void client.enqueue(Mail, undefined, { delay: '10s' });
  // @ts-expect-error a field is missing
  void client.enqueue(Mail, { to: 'a' });
  // @ts-expect-error a field has a wrong type
  void client.enqueue(Sum, { n: '4' });
  // @ts-expect-error a literal is none of the schema's
  void client.enqueue(Mail, { to: 'a', kind: 'pdf' });
  // @ts-expect-error a field is unknown
  void client.enqueue(Sum, { n: 4, m: 5 });
  // @ts-expect-error an option is unknown
  void client.enqueue(Sum, { n: 4 }, { attempts: 3 });

  void client.enqueue(Ping);
  void client.enqueue(Ping, { any: 'payload' }, { retention: '1h' });
  void client.enqueue(Sweep);
  void client.enqueue(Sweep, undefined, { delay: 5 });
  void client.enqueue(Sweep, { dryRun: true });
  // @ts-expect-error a field has a wrong type
  void client.enqueue(Sweep, { dryRun: 1 });

  void client.enqueue('text');
  void client.enqueue('text', { any: 'payload' }, { delay: '10s' });
  void client.enqueue('text', undefined, { delay: '10s' });
}

export async function waiting(client: Client): Promise<void> {
  const sum = await client.enqueueAndWait(Sum, { n: 4 }, { wait: '10s' });
  expectTypeOf(sum).toEqualTypeOf<{ total: number }>();
  const pong = await client.enqueueAndWait(Ping);
  expectTypeOf(pong).toEqualTypeOf<unknown>();
  await client.enqueueAndWait(Report, { day: '2026-11-30', top: '10' });
  await client.enqueueAndWait('text');
  // @ts-expect-error the payload is missing
  await client.enqueueAndWait(Sum);
  // @ts-expect-error a field has a wrong type
  await client.enqueueAndWait(Sum, { n: '4' });
}

export function transforming(client: Client, worker: Worker): void {
  void client.enqueue(Report, { day: '2026-11-30', top: '10' });
  // @ts-expect-error the output of the schema is not its input
  void client.enqueue(Report, { day: new Date(), top: 10 });
  void client.enqueue(Coerced, { at: '2026-11-30' });
  void client.enqueue(Piped, 'a,b');
  // @ts-expect-error the output of the schema is not its input
  void client.enqueue(Piped, ['a', 'b']);
  worker
    .handle(Report, ({ payload }) => expectTypeOf(payload).toEqualTypeOf<{ day: Date; top: number }>())
    .handle(Coerced, ({ payload }) => expectTypeOf(payload).toEqualTypeOf<{ at: Date; max: number }>())
    .handle(Piped, ({ payload }) => expectTypeOf(payload).toEqualTypeOf<string[]>())
    .handle(Ping, ({ payload }) => expectTypeOf(payload).toEqualTypeOf<unknown>())
    .handle(Sum, ({ payload }) => ({ total: payload.n }))
    .handle('text', ({ payload }) => expectTypeOf(payload).toEqualTypeOf<unknown>());
  // @ts-expect-error the result does not fit its schema
  worker.handle(Sum, ({ payload }) => ({ sum: payload.n }));
}

export function enqueueingMany(client: Client, given: readonly TaskToEnqueue[]): void {
  void client.enqueueMany([
    { task: Mail, payload: { to: 'a', kind: 'html' }, delay: '10s' },
    { task: Report, payload: { day: '2026-11-30', top: '1' } },
    { task: Ping },
    { task: Sweep },
    { task: 'text', payload: 5 },
    { task: 'text' },
  ]);
  void client.enqueueMany([1, 2].map((n) => ({ task: Sum, payload: { n } })));
  void client.enqueueMany(given);
  const made = [
    { task: Sum, payload: { n: 1 } },
    { task: Report, payload: { day: '2026-11-30', top: '1' }, delay: 5 },
    { task: Ping },
    { task: 'text', queue: 'texts' },
  ];
  void client.enqueueMany(made);
  void client.enqueueMany(made, { outcomes: true });
  const unfit = [
    { task: Sum, payload: { n: '1' } },
    { task: Report, payload: { day: '2026-11-30', top: '1' } },
  ];
  // @ts-expect-error a field of one of them has a wrong type
  void client.enqueueMany(unfit);
  const incomplete = [{ task: Sum }, { task: Report, payload: { day: '2026-11-30', top: '1' } }];
  // @ts-expect-error the payload of one of them is missing
  void client.enqueueMany(incomplete);
  void client.enqueueMany([]);
  void client.enqueueMany([{ task: Sum, payload: { n: 1 } }], { outcomes: true });
  // @ts-expect-error the payload is missing
  void client.enqueueMany([{ task: Ping }, { task: Sum }]);
  // @ts-expect-error a field has a wrong type
  void client.enqueueMany([{ task: Sum, payload: { n: '1' } }, { task: Ping }]);
  const mail = { to: 'a', kind: 'text' } as const;
  // @ts-expect-error the payload is that of another task
  void client.enqueueMany([{ task: Ping }, { task: Sum, payload: mail }]);
  // @ts-expect-error a literal is none of the schema's
  void client.enqueueMany([{ task: Mail, payload: { to: 'a', kind: 'pdf' } }]);
  // @ts-expect-error an option is unknown
  void client.enqueueMany([{ task: Ping, attempts: 3 }]);
  // @ts-expect-error a field has a wrong type, in a list that was made
  void client.enqueueMany(['1', '2'].map((n) => ({ task: Sum, payload: { n } })));
  // @ts-expect-error the payload is missing, also with outcomes
  void client.enqueueMany([{ task: Sum }], { outcomes: true });
  // @ts-expect-error the output of the schema is not its input
  void client.enqueueMany([{ task: Report, payload: { day: new Date(), top: 1 } }]);
}

export function scheduling(scheduler: Scheduler, broker: Broker): void {
  scheduler.register('@daily', { task: Sum, payload: { n: 4 }, queue: 'sums' });
  scheduler.register('@daily', { task: Ping });
  scheduler.register('@daily', { task: 'text', payload: { any: 'payload' } });
  // @ts-expect-error the payload is missing
  scheduler.register('@daily', { task: Sum });
  // @ts-expect-error a field has a wrong type
  scheduler.register('@daily', { task: Sum, payload: { n: '4' } });
  // @ts-expect-error an option is unknown
  scheduler.register('@daily', { task: Ping, attempts: 3 });

  void new PeriodicTaskManager(broker, {
    provider: () => [
      { spec: '@daily', task: Sum, payload: { n: 4 } },
      { spec: '@hourly', task: 'text' },
    ],
  });
  void new PeriodicTaskManager(broker, { provider: async () => [{ spec: '@daily', task: Ping }] });
  // @ts-expect-error the payload is missing
  void new PeriodicTaskManager(broker, { provider: () => [{ spec: '@daily', task: Sum }] });
  const made = [
    { spec: '@daily', task: Sum, payload: { n: 4 } },
    { spec: '@hourly', task: 'text' },
  ];
  const typed = new PeriodicTaskManager(broker, { provider: () => made });
  const held: PeriodicTaskManager = typed;
  void held.stop();
  // @ts-expect-error a field is unknown
  void new PeriodicTaskManager(broker, { provider: () => [{ spec: '@daily', task: Ping, attempts: 3 }] });
  const wrong = { spec: '@daily', task: Sum, payload: { n: '' } };
  // @ts-expect-error a field has a wrong type
  void new PeriodicTaskManager(broker, { provider: async () => [wrong] });
  const provider = (): readonly PeriodicTask[] => [{ spec: '@daily', task: 'text' }];
  const manager: PeriodicTaskManager = new PeriodicTaskManager(broker, { provider });
  void manager.start();
}

/** Programs wrap these calls: types that are not known yet pass through. */
export function wrapping<Input>(client: Client, task: TaskDefinition<Input, unknown>, payload: Input): void {
  void client.enqueue(task, payload);
  void client.enqueue(task, payload, { delay: '1s' });
  const item: TaskToEnqueue<{ n: number }> = { task: Sum, payload: { n: 4 } };
  const loose: TaskToEnqueue = item;
  void client.enqueueMany([item, loose]);
}
