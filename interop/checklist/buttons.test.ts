import { describe, expect } from 'vitest';
import type { EnqueueOptions } from '../../packages/engine/src/index.ts';
import { nextEvents } from '../../packages/engine/test/support/next-event.ts';
import { startAsynqmon, tasksPath, type Asynqmon } from '../support/asynqmon.ts';
import { interopBed, item } from '../support/bed.ts';

const GROUP = 'a group: ours';
/** What makes a task of ours come to rest in a state; where an attempt is needed, what its handler does. */
const MAKING = {
  pending: { options: {} },
  scheduled: { options: { delay: '1h' } },
  aggregating: { options: { group: GROUP } },
  retry: { options: { backoff: { kind: 'fixed', delayMs: 3_600_000, jitter: 0 } }, fails: true },
  archived: { options: { maxRetries: 0 }, fails: true },
  completed: { options: { retention: '1h' }, fails: false },
} as const satisfies Record<string, { options: EnqueueOptions; fails?: boolean }>;
type State = keyof typeof MAKING;

const groupOf = (state: State) => (state === 'aggregating' ? GROUP : undefined);

describe('8.7 inspector: the buttons of asynqmon', () => {
  const bed = interopBed();

  const start = (): Promise<Asynqmon> => startAsynqmon(bed.redis.address);
  const stateOf = async (queue: string, id: string) =>
    (await bed.broker.inspect.task({ queue, id }))?.state ?? null;
  const statesOf = (queue: string, ids: readonly string[]) =>
    Promise.all(ids.map((id) => stateOf(queue, id)));

  /** Tasks of ours in a state. */
  async function fill(queue: string, state: State, ids: readonly string[]): Promise<void> {
    const { options, ...ended } = MAKING[state];
    for (const id of ids) await bed.client.enqueue('x', { n: 1 }, { queue, id, ...options });
    if (!('fails' in ended)) return;
    const { worker, events } = bed.worker({ queues: [queue] });
    worker.handle('x', () => (ended.fails ? Promise.reject(new Error('no')) : 'done'));
    const ends = nextEvents(events, 'attempt.finished', ids.length);
    await worker.start();
    await ends;
    await worker.stop();
    expect(await statesOf(queue, ids)).toEqual(ids.map(() => state));
  }

  interface Button {
    readonly mon: Asynqmon;
    readonly state: State;
    /** `:run`, `:archive`; null = delete. */
    readonly verb: 'run' | 'archive' | null;
    readonly after: string | null;
  }

  /** Presses a button for one, then for two and one that is not there, then for all that are left. */
  async function expectButton({ mon, state, verb, after }: Button): Promise<void> {
    const [queue, other] = [bed.queue(), bed.queue()];
    const ids = ['one', 'two', 'three', 'four', 'five'];
    await fill(queue, state, ids);
    await fill(other, state, ['other']);
    const path = tasksPath(queue, state, groupOf(state));
    if (verb === null) await mon.remove(`${path}/one`);
    else await mon.post(`${path}/one:${verb}`);
    expect(await statesOf(queue, ids)).toEqual([after, state, state, state, state]);

    const batch = { task_ids: ['two', 'three', 'nobody'] };
    const answer = await mon.post<Record<string, string[]>>(`${path}:batch_${verb ?? 'delete'}`, batch);
    expect(Object.values(answer)).toEqual(expect.arrayContaining([['two', 'three'], ['nobody']]));
    expect(await statesOf(queue, ids)).toEqual([after, after, after, state, state]);

    if (verb === null) await mon.remove(`${path}:delete_all`);
    else await mon.post(`${path}:${verb}_all`);
    expect(await statesOf(queue, ids)).toEqual([after, after, after, after, after]);
    expect(await stateOf(other, 'other')).toBe(state);
    await expectWhole(queue, after);
  }

  /** Nothing is left behind, and what can run is run by our worker. */
  async function expectWhole(queue: string, after: string | null): Promise<void> {
    if (after === null) return expect(await bed.ask('KEYS', `asynq:{${queue}}:t:*`)).toEqual([]);
    if (after !== 'pending') return;
    const { worker, events } = bed.worker({ queues: [queue] });
    worker.handle('x', () => {});
    const ends = nextEvents(events, 'attempt.finished', 5);
    await worker.start();
    expect((await ends).map(({ outcome }) => outcome)).toEqual(Array(5).fill('succeeded'));
    await worker.stop();
  }

  for (const state of ['scheduled', 'retry', 'archived', 'aggregating'] as const) {
    item(`96 us → Go: asynqmon runs ${state} tasks of ours: one, some, all`, async () => {
      await expectButton({ mon: await start(), state, verb: 'run', after: 'pending' });
    });
  }

  for (const state of ['pending', 'scheduled', 'retry', 'aggregating'] as const) {
    item(`96 us → Go: asynqmon archives ${state} tasks of ours: one, some, all`, async () => {
      await expectButton({ mon: await start(), state, verb: 'archive', after: 'archived' });
    });
  }

  for (const state of Object.keys(MAKING) as State[]) {
    item(`96 us → Go: asynqmon deletes ${state} tasks of ours: one, some, all`, async () => {
      await expectButton({ mon: await start(), state, verb: null, after: null });
    });
  }

  item('96 us → Go: asynqmon pauses and resumes a queue of ours', async () => {
    const queue = bed.queue();
    const mon = await start();
    const { worker, events } = bed.worker({ queues: [queue] });
    worker.handle('x', () => {});
    await fill(queue, 'pending', ['a']);
    await mon.post(`/queues/${queue}:pause`);
    await worker.start();
    expect(await bed.broker.inspect.queueFacts([queue])).toMatchObject([
      { paused: true, counts: { pending: 1 } },
    ]);
    const end = nextEvents(events, 'attempt.finished', 1);
    await mon.post(`/queues/${queue}:resume`);
    expect(await end).toMatchObject([{ task: { id: 'a' }, outcome: 'succeeded' }]);
  });

  for (const own of ['blocked', 'awaiting', 'held']) {
    item(`96 us → Go: a task of ours that is ${own} goes on waiting when asynqmon runs all`, async () => {
      const queue = bed.queue();
      const never = 253_370_764_800;
      await fill(queue, 'scheduled', ['waits', 'runs']);
      await bed.ask('HSET', `asynq:{${queue}}:t:waits`, 'tc:s', own);
      await bed.ask('ZADD', `asynq:{${queue}}:scheduled`, never, 'waits');
      await bed.ask('ZREM', `tc:{${queue}}:due`, 'waits');
      const mon = await start();
      await mon.post(`${tasksPath(queue, 'scheduled')}:run_all`);
      expect(await statesOf(queue, ['waits', 'runs'])).toEqual(['pending', 'pending']);
      const { worker, events } = bed.worker({ queues: [queue] });
      worker.handle('x', () => {});
      const end = nextEvents(events, 'attempt.finished', 1);
      await worker.start();
      expect(await end).toMatchObject([{ task: { id: 'runs' }, outcome: 'succeeded' }]);
      expect(await bed.score(queue, 'scheduled', 'waits')).toBe(never);
      expect(String(await bed.field(queue, 'waits', 'state'))).toBe('scheduled');
      expect(await bed.field(queue, 'waits', 'pending_since')).toBeNull();
      expect(await mon.tasks(queue, 'scheduled')).toMatchObject([{ id: 'waits' }]);
      // Nor does whoever mends times that are none take it for one.
      await bed.ask('HDEL', `tc:{${queue}}:scan`, 'repaired');
      await bed.broker.maintain.repair([{ queue, limit: 256 }]);
      expect(await bed.score(queue, 'scheduled', 'waits')).toBe(never);
    });
  }
});
