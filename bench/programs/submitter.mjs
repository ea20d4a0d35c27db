// Enqueues tasks in a process of its own until it is killed, and tells of each that was acknowledged: `{ acknowledged: [number, …] }`.
import { flood, PAYLOAD } from '../measure.mjs';

const [module, name, where] = JSON.parse(process.argv[2]);
// Only this peer, so that the memory is its own.
const peer = await Object.values(await import(module))
  .flat()
  .find((one) => one.name === name)
  .open(where);
let next = 0;
await flood(Infinity, 100, async () => {
  const n = next;
  next += 1;
  await peer.enqueue({ ...PAYLOAD, n });
  process.send({ acknowledged: n });
});
