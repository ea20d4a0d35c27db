// A writer thread that never answers a call.
import { parentPort } from 'node:worker_threads';

parentPort.on('message', ({ kind }) => {
  if (kind === 'close') parentPort.close();
});
parentPort.postMessage({ kind: 'ready', queueChanges: [] }, []);
