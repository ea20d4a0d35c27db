/** Reads many queues by one command: most of them have nothing, and then a command each would cost far more. */
import { ErrorReply } from '../client/error-replies.ts';
import type { Connection } from '../client/connection.ts';
import type { WatchedQueue } from './watched-queue.ts';

interface ReadTogetherDeps<State> {
  connection(queue: string): Pick<Connection, 'send'> | null;
  connect(queue: string): void;
  /** None of the queue's keys exists. `isUnchanged`: whether no invalidation has come since. */
  onNone(watched: WatchedQueue<State>, isUnchanged: boolean): void;
  /** One of the queues has something, or the command was refused. */
  readAlone(watched: WatchedQueue<State>): void;
}

/** @param part queues of one server */
export function readTogether<State>(
  part: readonly WatchedQueue<State>[],
  { connection, connect, onNone, readAlone }: ReadTogetherDeps<State>,
): void {
  const queues = part.filter(({ reading }) => !reading);
  const [first] = queues;
  if (!first) return;
  const server = connection(first.queue);
  if (!server) return connect(first.queue);
  const reading = {};
  const changes = queues.map((watched) => watched.changes);
  for (const watched of queues) watched.reading = reading;
  const end = (next: (watched: WatchedQueue<State>, i: number) => void) => {
    for (const [i, watched] of queues.entries()) {
      // Another read has begun since, on a new connection.
      if (watched.reading !== reading) continue;
      watched.reading = null;
      next(watched, i);
    }
  };
  server.send(['EXISTS', ...queues.flatMap(({ keys }) => keys)]).then(
    (count) => end(count === 0 ? (watched, i) => onNone(watched, watched.changes === changes[i]) : readAlone),
    // If the connection is lost, all are read again when there is another one.
    (error: unknown) => end(error instanceof ErrorReply ? readAlone : () => {}),
  );
}
