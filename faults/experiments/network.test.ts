import { expect } from 'vitest';
import { experiment } from '../harness/experiment.ts';

experiment(
  'N1',
  {
    title: 'latency of 200 ± 100 ms each way',
    tier: 2,
    on: ['redis'],
  },
  async (run) => {
    const link = await run.link();
    await run.fleet({ url: link.url });
    await run.flow(100);
    link.weather({ latencyMs: 200, jitterMs: 100 });
    await run.flow(run.times(500, 10_000), 600_000);
    const { engine } = await run.finish();
    expect(engine['tasks.recovered'] ?? 0, 'reclaims').toBe(0);
  },
);
