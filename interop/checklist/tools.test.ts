import { describe, expect } from 'vitest';
import type { QueueFacts } from '../../packages/engine/src/index.ts';
import { startAsynqmon } from '../support/asynqmon.ts';
import { interopBed, item } from '../support/bed.ts';
import { cli, lineIn, tableIn } from '../support/cli.ts';
import { goInAllStates, oursInAllStates } from '../support/states.ts';

/** The field of `stats --json` that identifies a queue. */
interface CliQueue {
  readonly Queue: string;
}

/** Our facts in the form of Go's: it does not know cancelled tasks and counts them as completed. */
function numbersOf({ counts, paused }: QueueFacts) {
  const { cancelled, ...shared } = counts;
  const states = { ...shared, completed: counts.completed + cancelled };
  const size = Object.values(states).reduce((sum, count) => sum + count, 0);
  return { states, size, paused };
}

describe('inspector: the tools of Asynq', () => {
  const bed = interopBed();

  const asynq = (...args: readonly string[]) => cli(bed.redis.address, ...args);
  async function facts(queue: string): Promise<QueueFacts> {
    const [found] = await bed.broker.inspect.queueFacts([queue]);
    if (!found) throw new Error('no facts');
    return found;
  }

  async function expectAsynqmonAgrees(queue: string): Promise<void> {
    const mon = await startAsynqmon(bed.redis.address);
    const ours = await facts(queue);
    const { states, size, paused } = numbersOf(ours);
    const { processed, failed } = ours;
    expect(await mon.queue(queue)).toMatchObject({ queue, ...states, size, paused, processed, failed });
    for (const [state, count] of Object.entries(states)) {
      const group = state === 'aggregating' ? 'g' : undefined;
      expect(await mon.tasks(queue, state, group)).toHaveLength(count);
    }
    const { queues } = await mon.get<{ queues: { queue: string }[] }>('/queues');
    expect(queues).toContainEqual(expect.objectContaining({ queue, size }));
  }

  async function expectCliAgrees(queue: string): Promise<void> {
    const ours = await facts(queue);
    const { states, size, paused } = numbersOf(ours);
    const shown = await asynq('queue', 'inspect', queue);
    expect(lineIn(shown, 'Size')).toBe(String(size));
    expect(lineIn(shown, 'Paused')).toBe(String(paused));
    const texts = Object.fromEntries(Object.entries(states).map(([state, count]) => [state, String(count)]));
    expect(tableIn(shown, 'active')).toEqual([texts]);
    const { processed, failed } = ours;
    expect(tableIn(shown, 'processed')).toMatchObject([
      { processed: String(processed), failed: String(failed) },
    ]);
    // On a cluster the command prints the slot and the nodes beside the name.
    const listed = (await asynq('queue', 'ls')).split('\n').map((line) => line.split(/\s/, 1)[0]);
    expect(listed).toContain(queue);
    const stats = JSON.parse(await asynq('stats', '--json')) as { queues: CliQueue[] };
    expect(stats.queues.find(({ Queue }) => Queue === queue)).toMatchObject({
      Size: size,
      Pending: states.pending,
      Active: states.active,
      Scheduled: states.scheduled,
      Retry: states.retry,
      Archived: states.archived,
      Completed: states.completed,
      Aggregating: states.aggregating,
      Processed: processed,
      Failed: failed,
      Paused: paused,
    });
    for (const [state, count] of Object.entries(states)) {
      if (state === 'aggregating' && count === 0) continue;
      const of = state === 'aggregating' ? ['-g', 'g'] : [];
      expect(tableIn(await asynq('task', 'ls', '-q', queue, '-s', state, ...of), 'ID')).toHaveLength(count);
    }
  }

  item('78 us → Go: asynqmon shows our tasks, in numbers and lists', async () => {
    const queue = bed.queue();
    await oursInAllStates(bed, queue);
    await expectAsynqmonAgrees(queue);
  });

  item('78 Go → us: asynqmon and we show the same of the tasks of Go', async () => {
    const queue = bed.queue();
    await goInAllStates(bed.go(), queue);
    await expectAsynqmonAgrees(queue);
  });

  item('78 us → Go: the command asynq shows our tasks, in numbers and lists', async () => {
    const queue = bed.queue();
    await oursInAllStates(bed, queue);
    await expectCliAgrees(queue);
  });

  item('78 Go → us: the command asynq and we show the same of the tasks of Go', async () => {
    const queue = bed.queue();
    await goInAllStates(bed.go(), queue);
    await expectCliAgrees(queue);
  });
});
