// Enqueues tasks until it is killed, and reports each acknowledged task to its parent: `{ acknowledged: number }`.
import { flood, PAYLOAD } from '../measure.mjs';

const [module, name, where] = JSON.parse(process.argv[2]);
// Loads only this peer: the memory of others must not count.
const peer = await Object.values(await import(module))
  .flat()
  .find((candidate) => candidate.name === name)
  .open(where);
let next = 0;
await flood(Infinity, 100, async () => {
  const n = next;
  next += 1;
  await peer.enqueue({ ...PAYLOAD, n });
  process.send({ acknowledged: n });
});
