import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { Inspector } from '../../src/inspector/inspector.ts';
import { TaskInspector } from '../../src/inspector/task-inspector.ts';
import { brokerKinds, type TestStore } from '../support/brokers.ts';
import { aTask } from '../support/factories.ts';

const Q = 'orders';

/** Not what any of the arguments is. A text is none either, where it stands for a number, an object or a function. */
const WRONG = [5, Number.NaN, 10n, true, null, Symbol('x'), () => 1, [], ['orders'], new Map(), new Date()];
const NO_TEXT = [...WRONG, {}, '', ' '];
const NO_NUMBER = [0, -1, 1.5, Number.NaN, Infinity, 501, '3', null, {}, 10n];

interface Argument {
  readonly of: string;
  /** What the error must name. */
  readonly field: string;
  readonly wrong: readonly unknown[];
  call(inspector: Inspector, value: never): unknown;
}

/** A row. `of` is a method and, behind a space, what the error must name. */
function argument(of: string, wrong: readonly unknown[], call: Argument['call']): Argument {
  const [method = '', field = ''] = of.split(' ');
  return { of: method, field, wrong, call };
}

const ABOUT_ONE = [
  'get',
  'log',
  'run',
  'archive',
  'remove',
  'updatePayload',
  'cancel',
  'publishAsynqCancel',
] as const;
const ALL = ['runAll', 'archiveAll', 'removeAll'] as const;

const ARGUMENTS: readonly Argument[] = [
  ...ABOUT_ONE.flatMap((verb) => [
    argument(`tasks.${verb} task`, [...WRONG, undefined], ({ tasks }, task) => tasks[verb](task)),
    argument(`tasks.${verb} id`, [...NO_TEXT, undefined], ({ tasks }, id) => tasks[verb]({ queue: Q, id })),
    argument(`tasks.${verb} id`, ['', ' '], ({ tasks }, id) => tasks[verb](id)),
    argument(`tasks.${verb} queue`, NO_TEXT, ({ tasks }, queue) => tasks[verb]({ queue, id: 'a' })),
    argument(
      `tasks.${verb} businessId`,
      NO_TEXT.filter((value) => value !== null),
      ({ tasks }, businessId) => tasks[verb]({ queue: Q, id: 'a', businessId }),
    ),
  ]),
  argument('tasks.cancel cancellation', [...WRONG, 'why'], ({ tasks }, how) => tasks.cancel('a', how)),
  ...(['by', 'reason'] as const).map((field) =>
    argument(`tasks.cancel cancellation.${field}`, WRONG, ({ tasks }, value) =>
      tasks.cancel('a', { [field]: value }),
    ),
  ),
  ...(['list', 'iterate'] as const).flatMap((verb) => [
    argument(`tasks.${verb} queue`, [...NO_TEXT, undefined], ({ tasks }, queue) =>
      tasks[verb](queue, 'pending'),
    ),
    argument(`tasks.${verb} state`, [...NO_TEXT, undefined, 'blocked', '__proto__'], ({ tasks }, state) =>
      tasks[verb](Q, state),
    ),
    argument(`tasks.${verb} options`, [...WRONG, 'x'], ({ tasks }, how) => tasks[verb](Q, 'pending', how)),
    argument(`tasks.${verb} group`, WRONG, ({ tasks }, group) => tasks[verb](Q, 'aggregating', { group })),
  ]),
  argument('tasks.list limit', NO_NUMBER, ({ tasks }, limit) => tasks.list(Q, 'pending', { limit })),
  argument('tasks.list cursor', [5, {}, [], true], ({ tasks }, cursor) =>
    tasks.list(Q, 'pending', { cursor }),
  ),
  argument('tasks.iterate pageSize', NO_NUMBER, ({ tasks }, pageSize) =>
    tasks.iterate(Q, 'pending', { pageSize }),
  ),
  ...ALL.flatMap((verb) => [
    argument(`tasks.${verb} queue`, [...NO_TEXT, undefined], ({ tasks }, queue) =>
      tasks[verb](queue, 'retry'),
    ),
    argument(`tasks.${verb} state`, [...NO_TEXT, undefined, 'active'], ({ tasks }, state) =>
      tasks[verb](Q, state),
    ),
    argument(`tasks.${verb} options`, [...WRONG, 'x'], ({ tasks }, how) => tasks[verb](Q, 'retry', how)),
    argument(`tasks.${verb} group`, WRONG, ({ tasks }, group) => tasks[verb](Q, 'aggregating', { group })),
    argument(`tasks.${verb} onProgress`, [5, 'x', {}], ({ tasks }, onProgress) =>
      tasks[verb](Q, 'retry', { onProgress }),
    ),
    argument(`tasks.${verb} signal`, [5, 'x', {}], ({ tasks }, signal) =>
      tasks[verb](Q, 'retry', { signal }),
    ),
  ]),
  ...(['get', 'groups', 'pause', 'resume', 'remove'] as const).map((verb) =>
    argument(`queues.${verb} queue`, [...NO_TEXT, undefined], ({ queues }, queue) => queues[verb](queue)),
  ),
  argument('queues.history queue', [...NO_TEXT, undefined], ({ queues }, queue) => queues.history(queue, 1)),
  argument('queues.history days', [...NO_NUMBER, 91, undefined], ({ queues }, days) =>
    queues.history(Q, days),
  ),
  argument('queues.pause reason', WRONG, ({ queues }, reason) => queues.pause(Q, reason)),
  argument('queues.remove options', [...WRONG, 'x'], ({ queues }, how) => queues.remove(Q, how)),
  argument('queues.remove force', [1, 'yes', {}], ({ queues }, force) => queues.remove(Q, { force })),
  ...(['get', 'remove'] as const).map((verb) =>
    argument(`calendars.${verb} id`, [...NO_TEXT, undefined, 'Office', '-a', 'a b'], ({ calendars }, id) =>
      calendars[verb](id),
    ),
  ),
  argument('calendars.put id', [...NO_TEXT, undefined, 'Office'], ({ calendars }, id) =>
    calendars.put(id, {}),
  ),
  argument('calendars.put calendar', [...WRONG, undefined, 'x'], ({ calendars }, calendar) =>
    calendars.put('office', calendar),
  ),
  argument('calendars.put calendar.name', [5, '', ' ', [], 'x'.repeat(129)], ({ calendars }, name) =>
    calendars.put('office', { name }),
  ),
  argument('calendars.put calendar.off', [5, 'x', {}, null], ({ calendars }, off) =>
    calendars.put('office', { off }),
  ),
  argument('calendars.put calendar.on.1', [5, '', '2026-02-30', null], ({ calendars }, date) =>
    calendars.put('office', { on: ['2026-12-19', date] }),
  ),
  argument('calendars.put expectedVersion', [-1, 1.5, '1', null, 10n], ({ calendars }, expectedVersion) =>
    calendars.put('office', {}, { expectedVersion }),
  ),
  argument('calendars.remove expectedVersion', [-1, 1.5, '1', null, 10n], ({ calendars }, expectedVersion) =>
    calendars.remove('office', { expectedVersion }),
  ),
  argument('schedulers.events entryId', [...NO_TEXT, undefined], ({ schedulers }, id) =>
    schedulers.events(id),
  ),
  argument('schedulers.iterateEvents entryId', [...NO_TEXT, undefined], ({ schedulers }, id) =>
    schedulers.iterateEvents(id),
  ),
  argument('schedulers.events options', [...WRONG, 'x'], ({ schedulers }, how) =>
    schedulers.events('e', how),
  ),
  ...(['page', 'pageSize'] as const).map((field) =>
    argument(`schedulers.events ${field}`, ['3', 0, 1_001], ({ schedulers }, value) =>
      schedulers.events('e', { [field]: value }),
    ),
  ),
  ...(['keySlot', 'nodes'] as const).map((verb) =>
    argument(`cluster.${verb} queue`, [...NO_TEXT, undefined], ({ cluster }, queue) => cluster[verb](queue)),
  ),
  argument('backup path', [...NO_TEXT, undefined], (inspector, path) => inspector.backup(path)),
  argument('backup signal', [5, 'x', {}], (inspector, signal) => inspector.backup('/never', { signal })),
];

/** Names of other libraries and misspelt ones, and the name that the error advises. */
const UNKNOWN: readonly (readonly [
  given: string,
  advised: string,
  call: (inspector: Inspector) => unknown,
])[] = [
  ['jobId', 'id', ({ tasks }) => tasks.remove({ queue: Q, jobId: 'a' } as never)],
  ['queu', 'queue', ({ tasks }) => tasks.remove({ queu: Q, id: 'a' } as never)],
  ['tenantId', 'businessId', ({ tasks }) => tasks.remove({ queue: Q, id: 'a', tenantId: 'shop' } as never)],
  ['pageSize', 'limit', ({ tasks }) => tasks.list(Q, 'pending', { pageSize: 5 } as never)],
  ['limit', 'pageSize', ({ tasks }) => tasks.iterate(Q, 'pending', { limit: 5 } as never)],
  ['cancellation.reson', 'reason', ({ tasks }) => tasks.cancel('a', { reson: 'x' } as never)],
  ['grup', 'group', ({ tasks }) => tasks.removeAll(Q, 'aggregating', { grup: 'g' } as never)],
  ['forc', 'force', ({ queues }) => queues.remove(Q, { forc: true } as never)],
];

/** What a call throws at once, or rejects with; undefined = it succeeds. */
async function errorOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe.each(brokerKinds)('arguments of the inspector on $name', ({ available, createStore }) => {
  describe.skipIf(!available)('', () => {
    let store: TestStore;
    let broker: Broker;
    let inspector: Inspector;

    beforeAll(async () => {
      store = await createStore();
      broker = await store.connect();
      inspector = new Inspector(broker);
      await broker.submit.enqueue([aTask({ queue: Q, id: 'a', delayMs: 3_600_000 })]);
    });
    afterAll(() => store?.remove());

    test('that are wrong are refused by name, and nothing is changed', async () => {
      const before = await inspector.tasks.get('a');
      for (const { of, field, wrong, call } of ARGUMENTS) {
        for (const value of wrong) {
          const error = await errorOf(() => call(inspector, value as never));
          const told = `${of} with ${field} ${inspect(value)}`;
          expect(error, told).toMatchObject({ code: 'invalid-value', details: { name: field } });
        }
      }
      expect(await inspector.tasks.get('a')).toEqual(before);
      expect(await inspector.queues.get(Q)).toMatchObject({ size: 1, paused: false });
    });

    test.each(UNKNOWN)(
      'an unknown name such as %s is refused, and %s advised',
      async (given, advised, call) => {
        expect(await errorOf(() => call(inspector))).toMatchObject({
          code: 'invalid-value',
          details: { name: given },
          message: expect.stringContaining(`did you mean "${advised}"`),
        });
        expect(await broker.inspect.task({ queue: Q, id: 'a' })).not.toBeNull();
      },
    );

    test('that cannot be read are refused as well', async () => {
      const proxy = Proxy.revocable({}, {});
      proxy.revoke();
      const throwing = {
        get id(): string {
          throw new Error('not now');
        },
      };
      for (const task of [proxy.proxy, throwing] as never[])
        expect(await errorOf(() => inspector.tasks.get(task))).toMatchObject({
          code: 'invalid-value',
          details: { name: 'task' },
        });
    });

    test('may be a task that enqueue has returned, or a record of any other call', async () => {
      const client = new Client(broker);
      const enqueued = await client.enqueue('x', 1, { queue: Q, id: 'b', delay: '1h' });
      const task = await inspector.tasks.get(enqueued);
      expect(task).toMatchObject({ queue: Q, id: 'b', payload: 1 });
      expect(await inspector.tasks.get((await broker.inspect.task({ queue: Q, id: 'b' }))!)).toEqual(task);
    });

    test('of the constructor must be a broker, and a promise of one is none', () => {
      for (const wrong of [
        undefined,
        null,
        5,
        'sqlite:x',
        {},
        Promise.resolve(broker),
        store.connect,
      ] as never[])
        expect(() => new Inspector(wrong)).toThrow(
          expect.objectContaining({
            code: 'invalid-value',
            details: expect.objectContaining({ name: 'broker' }),
          }),
        );
    });
  });
});

test('every method of the inspector of tasks has its arguments in the table', () => {
  const methods = Object.getOwnPropertyNames(TaskInspector.prototype).filter(
    (name) => name !== 'constructor',
  );
  const tested = new Set(ARGUMENTS.map(({ of }) => of));
  expect(methods.filter((name) => !tested.has(`tasks.${name}`))).toEqual([]);
});
