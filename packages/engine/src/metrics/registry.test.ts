import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expositionOf } from './exposition.ts';
import { MAX_LABEL_SETS } from './bounded-labels.ts';
import { DEFINITIONS } from './definitions/all.ts';
import { Registry } from './registry.ts';

/** Values by name and labels, as Prometheus would read them. */
function parse(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      const value = line.slice(at + 1);
      return [line.slice(0, at), value === '+Inf' ? Infinity : Number(value)];
    }),
  );
}
const read = (registry: Registry) => parse(expositionOf(registry.families()));
const RUN = DEFINITIONS.taskcenter_task_run_seconds;

const outcome = fc.constantFrom('succeeded', 'failed');
const text = fc.string({ unit: 'binary', maxLength: 6 });

describe('a registry', () => {
  it('writes histograms whose buckets grow up to the count, and sums what was observed', () => {
    const observation = fc.record({
      queue: fc.constantFrom('a', 'b'),
      outcome,
      value: fc.double({ min: 0, max: 5_000, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(observation, { minLength: 1 }), (observations) => {
        const registry = new Registry();
        const run = registry.histogram('taskcenter_task_run_seconds');
        for (const { queue, outcome: how, value } of observations) run.with(queue, 't', how).observe(value);
        const samples = read(registry);
        for (const queue of ['a', 'b'])
          for (const how of ['succeeded', 'failed']) {
            const values = observations
              .filter((one) => one.queue === queue && one.outcome === how)
              .map(({ value }) => value);
            const labels = `queue="${queue}",type="t",outcome="${how}"`;
            const name = 'taskcenter_task_run_seconds';
            if (values.length === 0) {
              expect(samples.has(`${name}_count{${labels}}`)).toBe(false);
              continue;
            }
            for (const bound of [...RUN.buckets, Infinity]) {
              const le = bound === Infinity ? '+Inf' : String(bound);
              const within = values.filter((value) => value <= bound).length;
              expect(samples.get(`${name}_bucket{${labels},le="${le}"}`)).toBe(within);
            }
            expect(samples.get(`${name}_count{${labels}}`)).toBe(values.length);
            expect(samples.get(`${name}_sum{${labels}}`)).toBe(values.reduce((sum, value) => sum + value, 0));
          }
      }),
    );
  });

  it('writes one line for each set of labels, whatever their values are, and loses nothing that was counted', () => {
    const counted = fc.array(fc.record({ queue: text, type: text, outcome }));
    fc.assert(
      fc.property(counted, (all) => {
        const registry = new Registry();
        const run = registry.histogram('taskcenter_task_run_seconds');
        for (const one of all) run.with(one.queue, one.type, one.outcome).observe(1);
        const lines = expositionOf(registry.families()).split('\n');
        const counts = lines.filter((line) => line.startsWith('taskcenter_task_run_seconds_count'));
        const sets = new Set(all.map((one) => JSON.stringify([one.queue, one.type, one.outcome])));
        expect(counts).toHaveLength(sets.size);
        const total = counts.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
        expect(total).toBe(all.length);
      }),
    );
  });

  it('has 1,000 sets of open labels and `other`; a value never changes between the two', () => {
    const registry = new Registry();
    const run = registry.histogram('taskcenter_task_run_seconds');
    for (let round = 1; round <= 2; round += 1)
      for (let i = 0; i < 5_000; i += 1)
        run.with(`q${i % 50}`, `t${Math.floor(i / 50)}`, i % 3 === 0 ? 'failed' : 'succeeded').observe(1);
    const counts = [...read(registry)].filter(([name]) =>
      name.startsWith('taskcenter_task_run_seconds_count'),
    );
    const named = counts.filter(([name]) => !name.includes('queue="other",type="other"'));
    expect(named).toHaveLength(MAX_LABEL_SETS);
    expect(named.every(([, value]) => value === 2)).toBe(true);
    const others = counts.filter(([name]) => name.includes('queue="other",type="other"'));
    expect(others.map(([, value]) => value).reduce((a, b) => a + b)).toBe(8_000);
    // Labels that have few values are not counted: a known set may have a new outcome.
    run.with('q0', 't0', 'archived').observe(1);
    expect(
      read(registry).get('taskcenter_task_run_seconds_count{queue="q0",type="t0",outcome="archived"}'),
    ).toBe(1);
  });

  it('keeps a gauge that rose under `other` there when it falls', () => {
    const registry = new Registry();
    const running = registry.gauge('taskcenter_tasks_running');
    for (let i = 0; i < 1_500; i += 1) running.with(`q${i}`).add(1);
    for (let i = 0; i < 1_500; i += 1) running.with(`q${i}`).add(-1);
    const values = [...read(registry)].filter(([name]) => name.startsWith('taskcenter_tasks_running'));
    expect(values).toHaveLength(MAX_LABEL_SETS + 1);
    expect(values.every(([, value]) => value === 0)).toBe(true);
  });

  it('has counters at 0 from the start where all labels have few values, and no gauge that was never set', () => {
    const registry = new Registry();
    registry.counter('taskcenter_auth_failures_total');
    registry.gauge('taskcenter_broker_up').with();
    const samples = read(registry);
    expect(samples.get('taskcenter_auth_failures_total{reason="wrong_secret"}')).toBe(0);
    expect([...samples.keys()].some((name) => name.startsWith('taskcenter_broker_up'))).toBe(false);
  });

  it('counts what lies below 0 as 0: only a clock that was set can say so', () => {
    const registry = new Registry();
    const lateness = registry.histogram('taskcenter_schedule_lateness_seconds').with();
    lateness.observe(-5);
    lateness.observe(Number.NaN);
    const samples = read(registry);
    expect(samples.get('taskcenter_schedule_lateness_seconds_bucket{le="0.001"}')).toBe(2);
    expect(samples.get('taskcenter_schedule_lateness_seconds_sum')).toBe(0);
  });
});

describe('the definitions', () => {
  const entries = Object.entries(DEFINITIONS);

  it('have names as Prometheus wants them, and growing buckets', () => {
    for (const [name, definition] of entries) {
      expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
      // Asynq's names are as they are.
      if (!name.startsWith('asynq_'))
        expect(name.endsWith('_total'), name).toBe(definition.type === 'counter');
      if (!('buckets' in definition)) continue;
      const { buckets } = definition;
      expect([...buckets].sort((a, b) => a - b)).toEqual(buckets);
    }
  });

  it('never have a business, a user or a task as a label', () => {
    for (const [, { labels }] of entries)
      expect(labels.filter((label: string) => /business|user|task|\bid\b/.test(label))).toEqual([]);
  });
});
