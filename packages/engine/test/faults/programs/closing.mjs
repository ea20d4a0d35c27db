// Closes a broker in every wrong order: `node closing.mjs <URL of an empty broker>`. It prints the name of each order when that is
// done, with what it left behind that keeps a process alive, and ends by itself when nothing does.
import {
  Client,
  connect,
  createMaintenance,
  createRuntime,
  PeriodicTaskManager,
  runUntilSignal,
  Scheduler,
  Worker,
} from '@task-center/engine';

const url = process.argv[2];
const aggregation = { aggregate: () => ({ task: 'x' }) };
const newWorker = (broker, handler = () => {}) =>
  new Worker(broker, { aggregation, healthCheck: { report() {} }, shutdownTimeout: 100 }).handle(
    '*',
    handler,
  );

/** Starts a worker whose handler has begun. */
async function runTask(broker, handler) {
  let begin = () => {};
  const begun = new Promise((resolve) => (begin = resolve));
  const worker = newWorker(broker, (task, context) => {
    begin();
    return handler(task, context);
  });
  await worker.start();
  await new Client(broker).enqueue('x');
  await begun;
  return worker;
}

/** What must be refused. */
async function refused(promise) {
  const error = await promise.then(
    () => null,
    (thrown) => thrown,
  );
  if (error?.code !== 'broker-closed')
    throw new Error('it was not refused as it should be', { cause: error });
}

const orders = {
  async 'the broker, then the worker'(broker) {
    const worker = newWorker(broker);
    await worker.start();
    await broker.close();
    await worker.stop();
  },
  async 'the broker alone, with everything on it'(broker) {
    const maintenance = createMaintenance({ broker, queues: () => ['default'], runtime: createRuntime() });
    maintenance.start();
    const entry = { spec: '@every 1s', task: 'x' };
    await newWorker(broker).start();
    await new Scheduler(broker).start();
    await new PeriodicTaskManager(broker, { provider: () => [entry] }).start();
    await broker.close();
  },
  async 'the broker at once after the starts'(broker) {
    void newWorker(broker).start();
    void new Scheduler(broker).start();
    new PeriodicTaskManager(broker, { provider: () => [] }).start().catch(() => {});
    await broker.close();
  },
  async 'the broker while a handler runs'(broker) {
    await runTask(
      broker,
      (_, { signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
    );
    await broker.close();
  },
  async 'the broker while a handler never ends'(broker) {
    await runTask(broker, () => new Promise(() => {}));
    await broker.close();
  },
  async 'the broker within a handler'(broker) {
    const closing = [];
    await runTask(broker, () => void closing.push(broker.close()));
    await Promise.all(closing);
  },
  async 'the broker within a handler that waits for it'(broker) {
    const closing = [];
    await runTask(broker, () => {
      closing.push(broker.close());
      return closing[0];
    });
    await Promise.all(closing);
  },
  async 'all at once, twice'(broker) {
    const worker = newWorker(broker);
    const scheduler = new Scheduler(broker);
    await Promise.all([worker.start(), scheduler.start()]);
    const end = () => [broker.close(), worker.stop(), scheduler.stop()];
    await Promise.all([...end(), ...end()]);
  },
  async 'the broker while a program waits for signals'(broker) {
    const running = runUntilSignal(newWorker(broker));
    await broker.close();
    await running;
  },
  async 'the broker while calls are under way'(broker) {
    const client = new Client(broker);
    const calls = Array.from({ length: 1_000 }, () => client.enqueue('x'));
    await broker.close();
    await Promise.all(calls);
  },
  async 'the broker first, then starts and calls'(broker) {
    await broker.close();
    await refused(newWorker(broker).start());
    await refused(new Scheduler(broker).start());
    await refused(new Client(broker).enqueue('x'));
    await refused(broker.ping());
  },
  async 'the worker before its start'(broker) {
    const worker = newWorker(broker);
    await worker.stop();
    await worker.start().catch(() => {});
    await worker.stop();
    await broker.close();
  },
  async 'nothing but the worker, then the broker'(broker) {
    const worker = newWorker(broker);
    await worker.start();
    await worker.stop();
    await broker.close();
  },
};

const KEEPS_ALIVE = ['Timeout', 'TCPSocketWrap', 'MessagePort', 'Worker', 'FSReqCallback'];
const alive = () => process.getActiveResourcesInfo().filter((name) => KEEPS_ALIVE.includes(name));
const atFirst = alive().length;

for (const [name, close] of Object.entries(orders)) {
  await close(await connect(url, { log: false }));
  // Sockets and threads tell their end with the next turns.
  for (let turn = 0; turn < 20 && alive().length > atFirst; turn += 1)
    await new Promise((resolve) => setTimeout(resolve, 5).unref() && setImmediate(resolve));
  process.stdout.write(`${name}: ${alive().slice(atFirst).join(' ') || 'nothing left'}\n`);
}
process.stdout.write('done\n');
