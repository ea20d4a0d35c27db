import { describe, expect } from 'vitest';
import { Metrics } from '../../packages/engine/src/index.ts';
import { startAsynqmon } from '../support/asynqmon.ts';
import { interopBed, item } from '../support/bed.ts';
import { goInAllStates, oursInAllStates } from '../support/states.ts';

interface Exposition {
  /** Type by metric name: gauge or counter. */
  readonly types: Readonly<Record<string, string>>;
  /** Value by metric name with sorted labels. */
  readonly samples: Readonly<Record<string, number>>;
}

function parse(text: string): Exposition {
  const types: Record<string, string> = {};
  const samples: Record<string, number> = {};
  for (const line of text.split('\n')) {
    const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (name !== undefined && type !== undefined) types[name] = type;
    const [, metric, labels = '', value] = /^(\w+)\{(.*)\} (\S+)$/.exec(line) ?? [];
    if (metric !== undefined) samples[`${metric}{${labels.split(',').sort().join(',')}}`] = Number(value);
  }
  return { types, samples };
}

/** Metrics that are sampled or change by themselves: they are compared roughly. */
const MOVING = /^asynq_queue_(latency_seconds|memory_usage_approx_bytes)\{/;
const still = ({ samples }: Exposition) =>
  Object.fromEntries(Object.entries(samples).filter(([name]) => !MOVING.test(name)));
const moving = ({ samples }: Exposition) => Object.entries(samples).filter(([name]) => MOVING.test(name));

describe('metrics', () => {
  const bed = interopBed();

  /** The figures of memory are there once an instance has measured them; those of another test are too old. */
  async function textWithMemory(): Promise<string> {
    const { documents } = bed.broker;
    for (const { id } of await documents.list('figures')) await documents.remove('figures', id);
    const metrics = new Metrics(bed.broker);
    metrics.start();
    const read = () => metrics.text({ scope: 'broker', compat: 'asynq' });
    try {
      await expect.poll(read, { timeout: 10_000 }).toContain('asynq_queue_memory_usage_approx_bytes');
      return await read();
    } finally {
      await metrics.stop();
    }
  }

  async function expectSame(): Promise<Exposition> {
    const mon = await startAsynqmon(bed.redis.address);
    const theirs = parse(await (await fetch(`${mon.url}/metrics`)).text());
    const text = await textWithMemory();
    const ours = parse(text.replaceAll(/^(# \w+ )?taskcenter_.*\n/gm, ''));
    expect(ours.types).toEqual(theirs.types);
    expect(still(ours)).toEqual(still(theirs));
    expect(Object.keys(ours.samples).sort()).toEqual(Object.keys(theirs.samples).sort());
    for (const [name, value] of moving(ours)) {
      const other = theirs.samples[name] ?? NaN;
      if (name.includes('latency')) expect(Math.abs(value - other)).toBeLessThan(30);
      else {
        expect(value).toBeGreaterThan(0.5 * other);
        expect(value).toBeLessThan(2 * other);
      }
    }
    return ours;
  }

  item('117 us → Go: for our tasks our metrics equal those of Asynq’s exporter', async () => {
    const queue = bed.queue();
    await oursInAllStates(bed, queue);
    const { samples } = await expectSame();
    expect(samples[`asynq_queue_paused_total{queue="${queue}"}`]).toBe(1);
    expect(samples[`asynq_tasks_failed_total{queue="${queue}"}`]).toBe(2);
  });

  item('117 Go → us: for tasks of Go our metrics equal those of Asynq’s exporter', async () => {
    const queue = bed.queue();
    await goInAllStates(bed.go(), queue);
    const { samples } = await expectSame();
    expect(samples[`asynq_tasks_processed_total{queue="${queue}"}`]).toBe(3);
    expect(samples[`asynq_queue_size{queue="${queue}"}`]).toBe(7);
  });
});
