import { NO_FETCH, type Send } from './exchange-by-queue.ts';
import type { QueuesWithTasks } from './without-empty.ts';

/** An exchange over more queues than one call takes: those without tasks are left out of it. */
export function sendOverMany(send: Send, withTasks: QueuesWithTasks): Send {
  const sendMany: Send = async (finishes, fetch, options) => {
    const wasKnown = withTasks.knows(fetch);
    const few = await withTasks.narrow(fetch, options);
    const reply = await send(finishes, few.queues.length > 0 ? few : NO_FETCH, options);
    withTasks.onFetched(few, reply.fetched);
    if (!wasKnown || reply.fetched.some(({ rows }) => rows.length > 0)) return reply;
    // Other queues may have tasks by now: a worker that finds none waits.
    try {
      const { fetched } = await sendMany([], fetch, options);
      return { ...reply, fetched: [...reply.fetched, ...fetched] };
    } catch (error) {
      // Accepted finishes must not seem lost because no tasks could be taken.
      if (finishes.length === 0) throw error;
      return reply;
    }
  };
  return sendMany;
}
