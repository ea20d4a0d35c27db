import { setTimeout as sleep } from 'node:timers/promises';
import { experiment } from '../harness/experiment.ts';

experiment(
  'R1',
  {
    title: 'Redis stops in order and is back after 10 s, its AOF intact',
    tier: 1,
    on: ['redis-aof'],
    may: { resumeMs: 3_000 },
  },
  async (run) => {
    await run.fleet();
    for (let i = 0; i < run.times(1, 10); i += 1) {
      await run.flow(100);
      await run.phase(0, 300);
      run.fault('SIGTERM of Redis');
      await run.bed.server.end();
      await sleep(10_000);
      await run.bed.server.restart();
      run.heal('Redis is back');
    }
    await run.flow(100);
    await run.finish();
  },
);
