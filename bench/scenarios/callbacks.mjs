// Callbacks: the service delivers to a receiver on this machine, with few and with many queues. `share` is the rate relative to the
// few. The queues exist before: `queues made ms` says how long the service took for as many new ones.
import { countdown, inFolder, PAYLOAD } from '../measure.mjs';
import { spread } from '../report.mjs';
import { receive, serve } from '../service.mjs';

/** Numbers of queues. With those that are built in, the larger one is what `limits.queues` allows. */
const LEVELS = [10, 4_996];
/** Callbacks of a round at scale 1. */
const CALLBACKS = 10_000;

/** Starts a service and a receiver, which tells of each callback that arrives. */
async function open(broker, folder, queues) {
  let tick = () => {};
  const receiver = await receive(() => tick());
  const service = await serve(broker, folder);
  const defaults = { callback: { url: receiver.url }, retention: '0s' };
  const submit = (count) =>
    service.submit(
      defaults,
      Array.from({ length: count }, (_, i) => ({ queue: `bench-${i % queues}`, payload: PAYLOAD })),
    );
  return {
    /** Submits callbacks while they are delivered; resolves to the ms until the last has arrived. */
    async deliver(count) {
      const { over, tick: arrived } = countdown(count);
      tick = arrived;
      const began = performance.now();
      await submit(count);
      await over;
      return performance.now() - began;
    },
    async close() {
      await service.stop();
      await receiver.stop();
    },
  };
}

/** Measures one level on one broker. */
async function level({ name, broker, queues, rounds, count }) {
  return inFolder(async (folder) => {
    const opened = await open(broker, folder, queues);
    const madeMs = await opened.deliver(queues);
    await opened.deliver(Math.max(queues, count / 4));
    const rates = [];
    for (let i = 0; i < rounds; i += 1) rates.push(count / ((await opened.deliver(count)) / 1_000));
    await opened.close();
    return { queues, peer: name, rate: spread(rates).median, 'queues made ms': Math.round(madeMs) };
  });
}

/** Measures how many callbacks are delivered each second, with few queues and with many. */
export async function callbacks({ startRedis, rounds, scale }) {
  const redis = await startRedis();
  const rows = [];
  for (const [name, broker] of [
    ['Task Center (Redis)', redis.url],
    ['Task Center (SQLite)', null],
  ]) {
    const found = [];
    for (const queues of LEVELS) {
      await redis.flush();
      found.push(await level({ name, broker, queues, rounds, count: Math.max(1_000, CALLBACKS * scale) }));
    }
    for (const { rate, ...row } of found)
      rows.push({ ...row, 'callbacks/s': Math.round(rate), share: rate / found[0].rate });
  }
  await redis.stop();
  return {
    tables: [{ id: 'callbacks', title: 'Callbacks to a receiver on this machine, 256 at once', rows }],
  };
}
