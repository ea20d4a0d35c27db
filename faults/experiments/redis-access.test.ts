// Removed permissions and users of Redis.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { experiment } from '../harness/experiment.ts';
import { redisOf } from '../harness/redis.ts';

const PERMISSIONS = ['on', '>right', '~*', '&*', '+@all'];
const FAULT_MS = 5_000;

/** Calls that Redis has rejected so far: those without permission, and failed logins. */
function rejections(stats: string): number {
  const rows = stats.matchAll(/^cmdstat_(\S+?):.*rejected_calls=(\d+),failed_calls=(\d+)/gm);
  let sum = 0;
  for (const [, command, rejected, failed] of rows)
    sum += Number(rejected) + (command === 'hello' || command === 'auth' ? Number(failed) : 0);
  return sum;
}

experiment(
  'R16',
  {
    title: 'the permissions, the password or the user of the workers are removed',
    tier: 2,
    on: ['redis'],
    may: { duplicates: ['lease-lost'], resumeMs: 5_000 },
  },
  async (run) => {
    const redis = await redisOf(run);
    const acl = (...rules: string[]) => redis.call('ACL', 'SETUSER', 'worker', ...rules);
    const cut = () => redis.call('CLIENT', 'KILL', 'USER', 'worker');
    await acl(...PERMISSIONS);
    const { port } = run.bed.server;
    await run.fleet({ workers: 0 });
    await run.fleet({ producers: 0, url: `redis://worker:right@127.0.0.1:${port}` });
    const faults: [string, RegExp, () => Promise<unknown>][] = [
      ['no permission to run scripts', /NOPERM/, () => acl('-eval', '-evalsha')],
      ['another password', /WRONGPASS/, () => acl('resetpass', '>other').then(cut)],
      ['no such user', /WRONGPASS/, () => redis.call('ACL', 'DELUSER', 'worker')],
    ];
    for (let i = 0; i < run.times(1, 5); i += 1) {
      for (const [what, error, make] of faults) {
        await run.flow(100);
        const stats = async () => rejections(String(await redis.call('INFO', 'commandstats')));
        const before = await stats();
        run.fault(what);
        await make();
        await run.saw((line) => line.e === 'logged' && error.test(line.err ?? ''));
        await sleep(FAULT_MS);
        const perSecond = ((await stats()) - before) / run.workers.length / (FAULT_MS / 1_000);
        run.fact(`${what}: rejections per worker and s`, Math.round(perSecond * 10) / 10);
        // A worker has a few loops, and each retries once a second.
        expect(perSecond).toBeLessThan(15);
        await acl('reset', ...PERMISSIONS);
        run.heal('access is restored');
      }
    }
    await run.flow(100);
    await run.finish();
  },
);
