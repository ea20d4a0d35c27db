import { goQuoted } from './go-quoted.ts';

/** What an error says: what was wrong, and what to do. */
export interface ErrorText {
  readonly message: string;
  readonly fix: string;
}

interface Task {
  readonly id: string;
  readonly queue: string;
}
interface Value {
  readonly name: string;
  readonly got: string;
  readonly expected: string;
}

/** Every error that the engine raises, with its text. The server's map to HTTP names each of them. */
export const codes = {
  'invalid-value': ({ name, got, expected }: Value) => ({
    message: `${name} is not valid: found ${got}.`,
    fix: `Expected ${expected}.`,
  }),
  'task-exists': ({ id, queue }: Task) => ({
    message: `Task "${id}" already exists in queue "${queue}".`,
    fix: 'Choose another ID, or leave it out to get a new one.',
  }),
  'duplicate-task': ({ id, queue, holder }: Task & { holder: string | null }) => ({
    message: `Task "${id}" repeats ${holder === null ? 'a task' : `task "${holder}"`} of queue "${queue}": same type and payload, still unique.`,
    fix: 'Wait until that task has ended or its time is over, or enqueue without `unique`.',
  }),
  'durability-unsupported': ({
    broker,
    durability,
    cause,
  }: {
    broker: string;
    durability: string;
    cause: string;
  }) => ({
    message: `The broker ${broker} cannot store a task with durability "${durability}": ${cause}.`,
    fix: 'Nothing was stored. Change the broker, or ask for a durability that it has.',
  }),
  'durability-not-reached': ({ id, queue, durability }: Task & { durability: string }) => ({
    message: `Task "${id}" is stored in queue "${queue}" and will run, but not yet as safe as "${durability}" asks.`,
    fix: 'Do not enqueue it again. Check the replicas or the disk of the broker.',
  }),
  'task-not-found': ({ id, queue }: Task) => ({
    message: `There is no task "${id}" in queue "${queue}".`,
    fix: 'Check the ID and the queue; a finished task is kept only for its retention.',
  }),
  'wrong-state': ({ id, queue, state, allowed }: Task & { state: string; allowed: readonly string[] }) => ({
    message: `Task "${id}" in queue "${queue}" is ${state}.`,
    fix: `This needs a task that is ${allowed.join(', ')}.`,
  }),
  'queue-not-found': ({ queue }: { queue: string }) => ({
    message: `There is no queue "${queue}".`,
    fix: 'Check the name; a queue is there from its first task until it is removed.',
  }),
  'queue-not-empty': ({ queue, states }: { queue: string; states: readonly string[] }) => ({
    message: `Queue "${queue}" holds tasks that are ${states.join(', ')}.`,
    fix: 'Wait until they have ended or remove them; `force` removes all but active ones along with the queue.',
  }),
  'pause-unchanged': ({ queue, paused }: { queue: string; paused: boolean }) => ({
    message: `Queue "${queue}" is ${paused ? 'already' : 'not'} paused.`,
    fix: 'Nothing was changed.',
  }),
  'payload-too-large': ({ got, limit }: { got: number; limit: number }) => ({
    message: `The payload has ${got} bytes; at most ${limit} are allowed.`,
    fix: 'Store large data elsewhere and put a reference into the payload.',
  }),
  'broker-unavailable': ({
    broker,
    outcome,
    cause,
  }: {
    broker: string;
    outcome: 'not_stored' | 'unknown';
    cause: string;
  }) => ({
    message: `The broker ${broker} did not answer: ${cause}.`,
    fix:
      outcome === 'not_stored'
        ? 'Nothing was stored. Try again when the broker is back.'
        : 'It is unknown whether this took effect. Try again with the same task ID.',
  }),
  'broker-full': ({ broker }: { broker: string }) => ({
    message: `The broker ${broker} has no room left.`,
    fix: 'Free memory or disk, or raise its limit; what was accepted is kept and still processed.',
  }),
  'broker-refused': ({ broker, cause }: { broker: string; cause: string }) => ({
    message: `The broker ${broker} refused the call: ${cause}.`,
    fix: 'Check the credentials, rights and version of the broker.',
  }),
  'not-a-cluster': ({ broker }: { broker: string }) => ({
    message: `The broker ${broker} is no Redis Cluster.`,
    fix: 'Ask for slots and nodes only where the broker URL begins with redis-cluster://.',
  }),
  'broker-corrupt': ({ queue, cause }: { queue: string; cause: string }) => ({
    message: `The data of queue "${queue}" cannot be used: ${cause}.`,
    fix: 'Another program wrote something unexpected under this name. Look at the key and remove it.',
  }),
  'broker-closed': ({ broker }: { broker: string }) => ({
    message: `The connection to ${broker} has been closed by this program.`,
    fix: 'Do not use a broker after close().',
  }),
  'database-in-use': ({ path }: { path: string }) => ({
    message: `Another process uses the database ${path}.`,
    fix: 'One process owns the file. Talk to it over HTTP, or use Redis for several processes.',
  }),
  'database-unusable': ({ path, cause }: { path: string; cause: string }) => ({
    message: `The database ${path} cannot be used: ${cause}.`,
    fix: 'Check the path, its rights and the disk, or name another file.',
  }),
  'schema-too-new': ({ broker, found, known }: { broker: string; found: number; known: number }) => ({
    message: `The data in ${broker} has version ${found}; this program knows versions up to ${known}.`,
    fix: 'Use the newer program that wrote it.',
  }),
  'worker-misused': ({ cause }: { cause: string }) => ({
    message: `The worker cannot do this: ${cause}.`,
    fix: 'Register handlers before start(), and start a worker once.',
  }),
  'scheduler-misused': ({ cause }: { cause: string }) => ({
    message: `The scheduler cannot do this: ${cause}.`,
    fix: 'Start a scheduler once; make a new one after it was stopped.',
  }),
  'entry-not-found': ({ id }: { id: string }) => ({
    message: `This scheduler has no entry "${id}".`,
    fix: 'Use the ID that register() gave; an entry can be unregistered once.',
  }),
  'attempt-over': ({ id, queue }: Task) => ({
    message: `This attempt of task "${id}" in queue "${queue}" is over.`,
    fix: 'Its outcome is decided, or somebody else has the task: end the handler.',
  }),
  'token-not-held': ({ id, scope }: { id: string; scope: string }) => ({
    message: `Task "${id}" holds no token of the semaphore "${scope}".`,
    fix: 'Release a token once, and before the deadline with which it was acquired.',
  }),
  'handler-missing': ({ type }: { type: string }) => ({
    message: `handler not found for task ${goQuoted(type)}`,
    fix: 'Register a handler for this type, or for a pattern such as "*".',
  }),
  'version-mismatch': ({ kind, id }: { kind: string; id: string }) => ({
    message: `The ${kind} "${id}" has been changed by somebody else.`,
    fix: 'Read it again and repeat the change.',
  }),
} satisfies Record<string, (details: never) => ErrorText>;

export type ErrorCode = keyof typeof codes;
export type ErrorDetails<C extends ErrorCode> = Parameters<(typeof codes)[C]>[0];
