// More calls than the broker can handle.
import { expect } from 'vitest';
import { experiment } from '../harness/experiment.ts';
import type { Line } from '../harness/history.ts';
import { callMs, waitMs } from '../harness/measures.ts';

const MIB = 1_024 * 1_024;
/** More than the 10,000 calls that may wait on one connection. */
const PARALLEL = 15_000;

/** The events of tasks that got this answer. */
function linesAnswered(lines: readonly Line[], e: 'ack' | 'refused'): Line[] {
  const ids = new Set(lines.flatMap((line) => (line.e === e ? [line.id] : [])));
  return lines.filter((line) => 'id' in line && line.id !== undefined && ids.has(line.id));
}

experiment(
  'O1',
  {
    title: 'producers enqueue many times more than the broker and the workers can handle',
    tier: 2,
    on: ['redis', 'sqlite'],
    limitMs: 240_000,
  },
  async (run) => {
    const count = run.times(60_000, 600_000);
    const produce = {
      count,
      parallel: PARALLEL,
      perSecond: 1e6,
      batch: 2,
      payload: { ms: 0 },
      mix: { delayed: 0, failing: 0 },
    };
    const work = { concurrency: 100 };
    const limitMs = run.times(120_000, 900_000);
    const { isSingleProcess } = run.bed;
    const producer = isSingleProcess ? await run.start({ produce, work }) : await run.start({ produce });
    if (!isSingleProcess) await run.fleet({ workers: 2, producers: 0, work });
    await producer.produced(limitMs);
    const calls = run.lines();
    // The broker has recovered: at a usual rate tasks are accepted at once.
    const after = isSingleProcess
      ? null
      : await run.start({ produce: { perSecond: 50, payload: { ms: 0 }, mix: { delayed: 0 } } });
    await after?.saw(({ e }) => e === 'ack', 100);
    const { tasks } = await run.finish({ drainMs: limitMs });
    const refused = linesAnswered(calls, 'refused');
    run.fact('refused', tasks.refused);
    run.fact('until refused p99, ms', callMs(refused)?.p99 ?? 0);
    run.fact('until acknowledged p99, ms', callMs(linesAnswered(calls, 'ack'))?.p99 ?? 0);
    run.fact('wait for a start max, ms', waitMs(run.lines())?.max ?? 0);
    const rss = run
      .lines()
      .flatMap((line) => (line.e === 'closed' && line.member === producer.name ? [line.rss] : []));
    run.fact('memory of the producer, MiB', Math.round(Math.max(...rss) / MIB));
    const codes = new Set(refused.flatMap((line) => (line.e === 'refused' ? [line.code] : [])));
    expect([...codes], 'refusals are typed').toEqual(['broker-unavailable']);
    expect(tasks.refused).toBeGreaterThan(0);
    if (after)
      expect(run.lines().filter(({ member, e }) => member === after.name && e === 'refused')).toEqual([]);
    expect(Math.max(...rss) / MIB).toBeLessThan(600);
  },
);
