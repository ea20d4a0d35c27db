import { describe, expect, test } from 'vitest';
import { brokerKinds } from '../../engine/test/support/brokers.ts';
import { hostileBody } from './support/hostile-bodies.ts';
import { hasSchedstat, longestTurn } from './support/loop-meter.ts';
import { testApp, type TestApp } from './support/test-app.ts';

/** Longest turn of the event loop that a body may cause, ms of processor time: 1 MiB and 8 MiB are the sizes of these paths. */
const LIMITS_MS = { '/v1/tasks': 100, '/v1/batches': 500 } as const;
const BODIES = 100;
/** The first calls also pay for the compiler. */
const WARM_UP = 10;

/** Sends the body that follows from a seed. */
async function sendHostile(app: TestApp, seed: number) {
  const { path, bytes } = hostileBody(seed);
  const headers = { 'content-type': 'application/json' };
  const body = new Uint8Array(bytes);
  const { result, turnMs } = await longestTurn(() => app.open(path, { method: 'POST', body, headers }));
  await result.body?.cancel();
  return { seed, path, size: bytes.length, status: result.status, turnMs: Math.round(turnMs) };
}

describe.for(brokerKinds)('on $name', (kind) => {
  test.skipIf(!kind.available || !hasSchedstat())('no body holds the event loop for long', async () => {
    const app = await testApp({ kind });
    try {
      for (let seed = -WARM_UP; seed < 0; seed += 1) await sendHostile(app, seed);
      const sent: Awaited<ReturnType<typeof sendHostile>>[] = [];
      for (let seed = 1; seed <= BODIES; seed += 1) sent.push(await sendHostile(app, seed));
      expect(sent.filter(({ path, turnMs }) => turnMs > LIMITS_MS[path])).toEqual([]);
      expect(sent.filter(({ status }) => status >= 500 && status !== 503)).toEqual([]);
      // Otherwise the bodies are not what they are meant to be.
      expect(sent.map(({ status }) => status)).toEqual(expect.arrayContaining([200, 201, 400, 422]));
    } finally {
      await app.close();
    }
  });
});
