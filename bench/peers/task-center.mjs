import { Client, connect, Worker } from '@task-center/engine';

/** Ours, on any broker. */
export const taskCenter = (name, url) => ({
  name,
  async open() {
    const broker = await connect(typeof url === 'function' ? url() : url);
    const client = new Client(broker);
    return {
      enqueue: (payload) => client.enqueue('bench', payload),
      enqueueBulk: (payloads) => client.enqueueMany(payloads.map((payload) => ({ task: 'bench', payload }))),
      /** Runs tasks until `stop`; `onDone` is called for each. */
      async work(concurrency, onDone) {
        const worker = new Worker(broker, { concurrency });
        worker.handle('bench', (task) => onDone(task.payload));
        await worker.start();
        return () => worker.stop();
      },
      close: () => broker.close(),
    };
  },
});
