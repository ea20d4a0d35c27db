import { describe, expect } from 'vitest';
import type { EnqueueOptions } from '../../packages/engine/src/index.ts';
import { nextEvents } from '../../packages/engine/test/support/next-event.ts';
import { startAsynqmon, tasksPath, type Asynqmon } from '../support/asynqmon.ts';
import { interopBed, item } from '../support/bed.ts';

const GROUP = 'a group: ours';
/** How a task of ours gets into each state: its options and, where an attempt is needed, whether the handler fails. */
const RECIPES = {
  pending: { options: {} },
  scheduled: { options: { delay: '1h' } },
  aggregating: { options: { group: GROUP } },
  retry: { options: { backoff: { kind: 'fixed', delay: 3_600_000, jitter: 0 } }, fails: true },
  archived: { options: { maxRetries: 0 }, fails: true },
  completed: { options: { retention: '1h' }, fails: false },
} as const satisfies Record<string, { options: EnqueueOptions; fails?: boolean }>;
type State = keyof typeof RECIPES;

const groupOf = (state: State) => (state === 'aggregating' ? GROUP : undefined);

describe('inspector: the buttons of asynqmon', () => {
  const bed = interopBed();

  const start = (): Promise<Asynqmon> => startAsynqmon(bed.redis.address);
  const stateOf = async (queue: string, id: string) =>
    (await bed.broker.inspect.task({ queue, id }))?.state ?? null;
  const statesOf = (queue: string, ids: readonly string[]) =>
    Promise.all(ids.map((id) => stateOf(queue, id)));

  /** Stores tasks of ours in a state. */
  async function fill(queue: string, state: State, ids: readonly string[]): Promise<void> {
    const { options, ...ended } = RECIPES[state];
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
    /** The suffix of the URL, as in `:run`; null = DELETE. */
    readonly action: 'run' | 'archive' | null;
    readonly after: string | null;
  }

  /** Applies a button to one task, to two tasks and a missing one, and to all remaining tasks. */
  async function expectButton({ mon, state, action, after }: Button): Promise<void> {
    const [queue, other] = [bed.queue(), bed.queue()];
    const ids = ['one', 'two', 'three', 'four', 'five'];
    await fill(queue, state, ids);
    await fill(other, state, ['other']);
    const path = tasksPath(queue, state, groupOf(state));
    if (action === null) await mon.remove(`${path}/one`);
    else await mon.post(`${path}/one:${action}`);
    expect(await statesOf(queue, ids)).toEqual([after, state, state, state, state]);

    const batch = { task_ids: ['two', 'three', 'nobody'] };
    const answer = await mon.post<Record<string, string[]>>(`${path}:batch_${action ?? 'delete'}`, batch);
    expect(Object.values(answer)).toEqual(expect.arrayContaining([['two', 'three'], ['nobody']]));
    expect(await statesOf(queue, ids)).toEqual([after, after, after, state, state]);

    if (action === null) await mon.remove(`${path}:delete_all`);
    else await mon.post(`${path}:${action}_all`);
    expect(await statesOf(queue, ids)).toEqual([after, after, after, after, after]);
    expect(await stateOf(other, 'other')).toBe(state);
    await expectConsistent(queue, after);
  }

  /** Deleted tasks leave no keys, and our worker can run pending ones. */
  async function expectConsistent(queue: string, after: string | null): Promise<void> {
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
      await expectButton({ mon: await start(), state, action: 'run', after: 'pending' });
    });
  }

  for (const state of ['pending', 'scheduled', 'retry', 'aggregating'] as const) {
    item(`96 us → Go: asynqmon archives ${state} tasks of ours: one, some, all`, async () => {
      await expectButton({ mon: await start(), state, action: 'archive', after: 'archived' });
    });
  }

  for (const state of Object.keys(RECIPES) as State[]) {
    item(`96 us → Go: asynqmon deletes ${state} tasks of ours: one, some, all`, async () => {
      await expectButton({ mon: await start(), state, action: null, after: null });
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

  for (const ownState of ['blocked', 'awaiting', 'held']) {
    item(`96 us → Go: a task of ours that is ${ownState} keeps waiting when asynqmon runs all`, async () => {
      const queue = bed.queue();
      const never = 253_370_764_800;
      await fill(queue, 'scheduled', ['waits', 'runs']);
      await bed.ask('HSET', `asynq:{${queue}}:t:waits`, 'tc:s', ownState);
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
      // The repair of invalid due times must leave this one alone.
      await bed.ask('HDEL', `tc:{${queue}}:scan`, 'repaired');
      await bed.broker.maintain.repair([{ queue, limit: 256 }]);
      expect(await bed.score(queue, 'scheduled', 'waits')).toBe(never);
    });
  }
});
