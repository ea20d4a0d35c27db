/**
 * Queues: list, show, pause, resume. Every logical queue is a pair of stored queues, for callbacks and for handler
 * tasks.
 */
import type { Queue } from '@task-center/api';
import { control } from '@task-center/engine';
import { requireQueueAccess, seesQueue } from '../../auth/principal.ts';
import type { Call, Handlers, Reply } from '../call.ts';
import { ProblemError } from '../../problem.ts';
import { presentQueue } from './present.ts';

type QueueCall = Pick<Call<'getQueue'>, 'params' | 'principal' | 'deps'>;

/** Reads queues, in the order of `names`, as a key may see them: figures would reveal other businesses. */
async function readQueues(
  { principal, deps }: Pick<QueueCall, 'principal' | 'deps'>,
  names: readonly string[],
): Promise<Queue[]> {
  if (principal.businesses !== null) {
    const queues = await control.getLogicalQueues(deps.broker, names);
    return queues.map((queue) => presentQueue(queue, null));
  }
  const [queues, minutes, memory] = await Promise.all([
    control.getLogicalQueues(deps.broker, names),
    control.getLogicalLastMinutes(deps.broker, names),
    control.getLogicalQueueMemory(deps.broker, names),
  ]);
  return queues.map((queue, i) =>
    presentQueue(queue, { minute: minutes[i] ?? null, memoryBytes: memory[i] ?? null }),
  );
}

/** `GET /v1/queues`. A key with businesses sees the built-in queues, and others that ever held a task of theirs. */
async function listQueues(call: Call<'listQueues'>): Promise<Reply> {
  const names = await control.listLogicalQueues(call.deps.broker, call.principal.businesses);
  const data = await readQueues(
    call,
    names.filter((name) => seesQueue(call.principal, name)),
  );
  return { body: { data, next_cursor: null, total: data.length, scanned: null } };
}

async function replyWithQueue(call: QueueCall): Promise<Reply> {
  const [body] = await readQueues(call, [call.params.name]);
  return { body };
}

/** `GET /v1/queues/{name}` */
async function getQueue(call: Call<'getQueue'>): Promise<Reply> {
  requireQueueAccess(call.principal, call.params.name);
  await control.requireLogicalQueue(call.deps.broker, call.params.name, call.principal.businesses);
  return replyWithQueue(call);
}

/**
 * Checks that the key may pause and resume the queue. All businesses share a queue: a key that is bound to some of them
 * may not stop it for the others.
 *
 * @throws ProblemError `forbidden`
 */
function requirePausable({ principal, params }: QueueCall): void {
  if (principal.businesses !== null)
    throw new ProblemError(
      'forbidden',
      'A key that is bound to businesses may not pause or resume whole queues.',
      {
        extra: { needed: { businesses: null } },
      },
    );
  requireQueueAccess(principal, params.name);
}

/** `POST /v1/queues/{name}/pause` */
async function pauseQueue(call: Call<'pauseQueue'>): Promise<Reply> {
  requirePausable(call);
  await control.pauseLogicalQueue(call.deps.broker, call.params.name, call.body.reason);
  return replyWithQueue(call);
}

/** `POST /v1/queues/{name}/resume` */
async function resumeQueue(call: Call<'resumeQueue'>): Promise<Reply> {
  requirePausable(call);
  await control.resumeLogicalQueue(call.deps.broker, call.params.name);
  return replyWithQueue(call);
}

export const queueHandlers = { listQueues, getQueue, pauseQueue, resumeQueue } satisfies Partial<Handlers>;
