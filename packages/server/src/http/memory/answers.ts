/** Answers that were given to Node: they take up memory until their callers have taken them. */
import type { Bindings } from '../call.ts';
import type { Room } from './budget.ts';

/** Keeps the room of an answer until it is taken or its connection is closed. Without Node's objects nothing is sent. */
export function keepUntilTaken(room: Room, bytes: number, { incoming, outgoing }: Bindings): void {
  const socket = incoming?.socket;
  if (outgoing === undefined || socket === undefined || socket.destroyed || outgoing.closed)
    return room.release();
  room.set(bytes);
  outgoing.once('close', () => room.release());
  // One behind another answer has no socket yet, and does not hear of its end.
  if (outgoing.socket === null) socket.once('close', () => room.release());
}
