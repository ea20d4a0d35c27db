import { withPeer } from '../measure.mjs';

/** Whether a peer's workers can be processes beside the one that enqueues. */
export const worksInProcesses = (peer) => peer.store !== 'file';

/** The peers that the longer scenarios take: queues of Node whose tasks and workers the scenario drives itself. */
export async function inProcesses(peers, redis) {
  const able = [];
  for (const peer of peers) {
    if (peer.ceiling) continue;
    if (await withPeer(peer, redis, (open) => Boolean(open.work && open.enqueue))) able.push(peer);
  }
  return able;
}
