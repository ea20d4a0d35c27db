// Passes a gate again and again, and counts in shared memory: the first number goes up at the beginning of calls, the second at their
// end. `workerData`: `gate`, `counts`, and `ms`, which each call takes.
import { workerData } from 'node:worker_threads';
import { CallGate } from '../../../../dist/brokers/sqlite/call-gate.js';

const counts = new Int32Array(workerData.counts);
const gate = new CallGate(workerData.gate);
const sleep = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, workerData.ms);
for (;;) {
  gate.run(() => {
    Atomics.add(counts, 0, 1);
    Atomics.notify(counts, 0);
    gate.run(sleep);
    gate.run(sleep);
    Atomics.add(counts, 1, 1);
  });
}
