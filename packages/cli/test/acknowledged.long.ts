// What the service has acknowledged is there, whatever ends it: submissions under SIGTERM and SIGKILL.
import { readFileSync } from 'node:fs';
import { connect } from '@task-center/engine';
import { expect, test } from 'vitest';
import { freePort, startRedis } from '../../engine/test/support/redis-server.ts';
import { tempFolder } from '../../engine/test/support/temp.ts';
import { endAll, startCli, type Cli } from './support/cli.ts';

const SENDERS = 24;
/** In each turn this many more are acknowledged, and then the service is ended. With 4,000, 28,000 were tried. */
const PER_TURN = 600;
const SIGNALS = ['SIGTERM', 'SIGKILL', 'SIGTERM', 'SIGKILL', 'SIGINT', 'SIGKILL', 'SIGTERM'] as const;

/** Submits tasks all the time, and remembers those that were acknowledged. What fails is not repeated. */
function submitter(url: string, key: () => string) {
  const acknowledged: string[] = [];
  const statuses = new Map<number | string, number>();
  let isEnded = false;
  let next = 0;

  async function send(): Promise<void> {
    const id = `t${(next += 1)}`;
    const response = await fetch(`${url}/v1/tasks`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key()}`, 'content-type': 'application/json' },
      body: JSON.stringify({ id, type: 't' }),
    });
    await response.text();
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
    if (response.status === 201) acknowledged.push(id);
  }
  const sender = async () => {
    while (!isEnded) await send().catch(() => new Promise((resolve) => setTimeout(resolve, 20)));
  };
  const senders = Array.from({ length: SENDERS }, sender);
  return {
    acknowledged,
    statuses,
    async end() {
      isEnded = true;
      await Promise.all(senders);
    },
  };
}

const allServing = (service: Cli, count: number) =>
  expect
    .poll(() => service.written.out.split('"the service is running"').length - 1, { timeout: 30_000 })
    .toBe(count);

test.each(['sqlite', 'redis'] as const)('acknowledged submissions survive on %s', async (kind) => {
  const folder = await tempFolder();
  const redis = kind === 'redis' ? await startRedis({ appendonly: true }) : null;
  const broker = redis?.url ?? `sqlite:${folder.file('tasks.db')}`;
  const port = await freePort();
  const env = { TASKCENTER_HTTP_PORT: String(port), TASKCENTER_BROKER: broker };
  const start = () => startCli(['serve'], { env, cwd: folder.path });
  const url = `http://127.0.0.1:${port}`;
  try {
    let service = start();
    await service.saw(/Ctrl-C drains/);
    const key = readFileSync(folder.file('data/admin.key'), 'utf8').trim();
    const { acknowledged, statuses, end } = submitter(url, () => key);
    for (const [turn, signal] of SIGNALS.entries()) {
      const goal = acknowledged.length + PER_TURN;
      await expect.poll(() => acknowledged.length, { timeout: 120_000 }).toBeGreaterThanOrEqual(goal);
      // SIGKILL ends the service alone, and its parent starts it again; the others end both.
      if (signal === 'SIGKILL') {
        const pids = [...service.written.out.matchAll(/"pid":(\d+)/g)].map(([, pid]) => Number(pid));
        process.kill(pids.at(-1) ?? 0, 'SIGKILL');
        await allServing(service, pids.length + 1);
      } else {
        service.signal(signal);
        expect((await service.ended).code, `turn ${turn}`).toBe(0);
        service = start();
        await service.saw(/Ctrl-C drains/);
      }
    }
    await end();
    service.signal('SIGTERM');
    expect((await service.ended).code).toBe(0);

    const reader = await connect(broker);
    const missing: string[] = [];
    for (let from = 0; from < acknowledged.length; from += 200) {
      const ids = acknowledged.slice(from, from + 200);
      const found = await Promise.all(ids.map((id) => reader.inspect.task({ queue: 'default', id })));
      missing.push(...ids.filter((_, i) => found[i]?.state !== 'pending'));
    }
    await reader.close();
    expect(acknowledged.length).toBeGreaterThanOrEqual(SIGNALS.length * PER_TURN);
    expect(missing).toEqual([]);
    // Those that came while it stopped were refused or cut off. A lost answer may hide a stored task, which is why IDs are repeated.
    expect([...statuses.keys()].filter((status) => status !== 201 && status !== 503)).toEqual([]);
  } finally {
    await endAll();
    await redis?.stop();
    await folder.remove();
  }
});
