// Selects the peers of the longer scenarios.
import { withPeer } from '../measure.mjs';

/** Whether the workers of a peer can run in other processes than the producer. */
export const worksInProcesses = (peer) => peer.store !== 'file';

/** The peers of the longer scenarios unless others are named: with all peers they would take hours. */
export const takesLong = ({ name }) => /^(Task Center|BullMQ)/.test(name);

/** The peers for the longer scenarios: Node queues whose tasks and workers the scenario controls itself. */
export async function inProcesses({ peers, named }, redis) {
  const able = [];
  for (const peer of peers) {
    if (peer.ceiling ? !peer.only : !(named || takesLong(peer))) continue;
    if (await withPeer(peer, redis, (open) => Boolean(open.work && open.enqueue))) able.push(peer);
  }
  return able;
}
