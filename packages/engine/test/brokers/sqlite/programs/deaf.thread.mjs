// A writer whose disk never answers.
import { parentPort } from 'node:worker_threads';

parentPort.on('message', ({ kind }) => {
  if (kind === 'close') parentPort.close();
});
parentPort.postMessage({ kind: 'ready', news: [] }, []);
