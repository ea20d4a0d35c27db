import { withPeer } from '../measure.mjs';

/** Whether a peer's workers can be processes beside the one that enqueues. */
export const worksInProcesses = (peer) => peer.store !== 'file';

/** Whom the longer scenarios take unless others are named: with everyone they would take hours. */
export const takesLong = ({ name }) => /^(Task Center|BullMQ)/.test(name);

/** The peers that the longer scenarios take: queues of Node whose tasks and workers the scenario drives itself. */
export async function inProcesses({ peers, named }, redis) {
  const able = [];
  for (const peer of peers) {
    if (peer.ceiling ? !peer.only : !(named || takesLong(peer))) continue;
    if (await withPeer(peer, redis, (open) => Boolean(open.work && open.enqueue))) able.push(peer);
  }
  return able;
}
