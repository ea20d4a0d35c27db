import { goQuoted } from './go-quoted.ts';
import { someNotStoredText, type BatchDetails } from './some-not-stored.ts';

/** The text of an error. */
export interface ErrorText {
  /** What was wrong, where, and what was found. */
  readonly message: string;
  /** What to do about it. */
  readonly fix: string;
}

/** Details of an error about a task. */
interface Task {
  readonly id: string;
  readonly queue: string;
}
/** What voids the promises of a broker. */
interface UnsafeFinding {
  readonly code: string;
  readonly detail: string;
  readonly fix: string;
}
/** Details of an error about a value. */
interface ValueDetails {
  /** Where the value was found, such as the name of an option. */
  readonly name: string;
  /** The value as text, see `shown`. */
  readonly got: string;
  /** The values that are allowed, in words. */
  readonly expected: string;
}

const MAX_NAMED = 10;

/** Names in quotes; of many only the first ones. */
function quotedList(names: readonly string[]): string {
  const quoted = names.slice(0, MAX_NAMED).map((name) => `"${name}"`);
  return names.length > MAX_NAMED ? `${quoted.join(', ')} …` : quoted.join(', ');
}

/** Which version was met instead of the expected one; undefined = it is not known. */
interface MismatchDetails {
  readonly kind: string;
  readonly id: string;
  /** The version that there is; null = there is none. */
  readonly current?: number | null;
  /** Whether there should have been none. */
  readonly isTaken?: boolean;
}

function currentText(current: number | null | undefined): string {
  if (current === null) return 'it does not exist';
  return current === undefined ? 'another process has changed it' : `it has version ${current}`;
}

/**
 * Every error that the engine raises on purpose, by its code. Codes are stable, texts may change. The server maps each
 * code to an HTTP problem.
 */
export const codes = {
  'invalid-value': ({ name, got, expected }: ValueDetails) => ({
    message: `${name} is not valid: found ${got}.`,
    fix: `Expected ${expected}.`,
  }),
  'task-exists': ({ id, queue }: Task) => ({
    message: `Task "${id}" already exists in queue "${queue}".`,
    fix: 'Choose another ID, or leave it out to get a new one.',
  }),
  'duplicate-task': ({ id, queue, holder }: Task & { holder: string | null }) => ({
    message: `Task "${id}" was not stored in queue "${queue}": ${holder === null ? 'another task' : `task "${holder}"`} with the same type and payload holds the unique lock.`,
    fix: 'Wait until that task has ended or its lock has expired, or enqueue without `unique`.',
  }),
  'some-not-stored': (details: BatchDetails): ErrorText => someNotStoredText(details),
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
    fix: 'Nothing was stored. Ask for a durability that this broker supports, or change its configuration.',
  }),
  'durability-not-reached': ({ id, queue, durability }: Task & { durability: string }) => ({
    message: `Task "${id}" is stored in queue "${queue}" and will run, but the durability "${durability}" was not reached in time.`,
    fix: 'Do not enqueue it again. Check the replicas and the disk of the broker.',
  }),
  'task-not-found': ({ id, queue }: { id: string; queue: string | null }) => ({
    message: `There is no task "${id}" in ${queue === null ? 'any queue' : `queue "${queue}"`}.`,
    fix: 'Check the ID and the queue. A finished task is kept only for its retention.',
  }),
  'task-id-ambiguous': ({ id, queues }: { id: string; queues: readonly string[] }) => ({
    message: `${queues.length} queues have a task "${id}": ${quotedList(queues)}.`,
    fix: `Name the queue, too: { queue: ${JSON.stringify(queues[0])}, id: ${JSON.stringify(id)} }.`,
  }),
  'wrong-state': ({ id, queue, state, allowed }: Task & { state: string; allowed: readonly string[] }) => ({
    message: `Task "${id}" in queue "${queue}" is ${state}.`,
    fix: `This works only on a task that is ${allowed.join(' or ')}.`,
  }),
  'queue-not-found': ({ queue }: { queue: string }) => ({
    message: `There is no queue "${queue}".`,
    fix: 'Check the name. A queue exists from its first task until it is removed.',
  }),
  'queue-not-empty': ({
    queue,
    states,
    schedules = 0,
  }: {
    queue: string;
    states: readonly string[];
    schedules?: number;
  }) => ({
    message: `Queue "${queue}" was not removed: it has ${schedules > 0 ? `${schedules} schedules` : `tasks that are ${states.join(', ')}`}.`,
    fix:
      schedules > 0
        ? 'Remove its schedules first. Each would bring the queue back with its next fire.'
        : 'Wait until they have ended, or remove them. With `force` all tasks but active ones are removed with the queue.',
  }),
  'pause-unchanged': ({ queue, paused }: { queue: string; paused: boolean }) => ({
    message: `Queue "${queue}" is ${paused ? 'already' : 'not'} paused.`,
    fix: 'Nothing was changed.',
  }),
  'payload-too-large': ({ got, limit }: { got: number; limit: number }) => ({
    message: `The payload has ${got} bytes; at most ${limit} are allowed.`,
    fix: 'Store large data elsewhere and put a reference to it into the payload.',
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
    fix: 'Free memory or disk space, or raise the limit of the broker. Stored tasks are kept and still processed.',
  }),
  'broker-refused': ({ broker, cause }: { broker: string; cause: string }) => ({
    message: `The broker ${broker} refused the call: ${cause}.`,
    fix: 'Check the credentials, the access rights and the version of the broker.',
  }),
  'broker-unsafe': ({ broker, findings }: { broker: string; findings: readonly UnsafeFinding[] }) => ({
    message: `The broker ${broker} cannot keep its promises: ${findings.map(({ code, detail }) => `${detail} (${code})`).join('; ')}. Nothing was stored.`,
    fix: `${[...new Set(findings.map(({ fix }) => fix))].join(' ')} Then try again.`,
  }),
  'not-a-cluster': ({ broker }: { broker: string }) => ({
    message: `The broker ${broker} is not a Redis Cluster.`,
    fix: 'Slots and nodes exist only for broker URLs that begin with redis-cluster://.',
  }),
  'not-supported': ({ broker, what, instead }: { broker: string; what: string; instead: string }) => ({
    message: `The broker ${broker} cannot ${what}.`,
    fix: instead,
  }),
  'broker-corrupt': ({ queue, cause }: { queue: string; cause: string }) => ({
    message: `Stored data of queue "${queue}" cannot be used: ${cause}.`,
    fix: 'Another program has written to a key that Task Center uses. Inspect the key, then move or remove it.',
  }),
  'broker-closed': ({ broker }: { broker: string }) => ({
    message: `The connection to ${broker} is closed.`,
    fix: 'This program has called close(). Connect again before you use the broker.',
  }),
  'database-in-use': ({ path, holder }: { path: string; holder?: string }) => ({
    message: `Another process uses the database ${path}${holder === undefined ? '' : ` (${holder})`}.`,
    fix: 'Only one process can open the file. Use the HTTP API of that process, or use Redis for several processes.',
  }),
  'database-unusable': ({ path, cause }: { path: string; cause: string }) => ({
    message: `The database ${path} cannot be used: ${cause}.`,
    fix: 'Check the path, its access rights and the disk, or choose another file.',
  }),
  'schema-too-new': ({ broker, found, known }: { broker: string; found: number; known: number }) => ({
    message: `The data in ${broker} has version ${found}; this program supports versions up to ${known}.`,
    fix: 'Upgrade this program to the version that wrote the data, or a later one.',
  }),
  'worker-misused': ({ cause, fix }: { cause: string; fix: string }) => ({
    message: `The worker was used incorrectly: ${cause}.`,
    fix,
  }),
  'scheduler-misused': ({ cause }: { cause: string }) => ({
    message: `The scheduler was used incorrectly: ${cause}.`,
    fix: 'Start a scheduler only once. After stop(), create a new one.',
  }),
  'test-broker-misused': ({ cause, fix }: { cause: string; fix: string }) => ({
    message: `The test broker was used incorrectly: ${cause}.`,
    fix,
  }),
  'entry-not-found': ({ id }: { id: string }) => ({
    message: `This scheduler has no entry "${id}".`,
    fix: 'Use the ID that register() returned. An entry can be unregistered only once.',
  }),
  'attempt-over': ({ id, queue }: Task) => ({
    message: `The attempt of task "${id}" in queue "${queue}" has ended already.`,
    fix: 'Return from the handler: the outcome is decided, or another worker has the task.',
  }),
  'task-failed': ({ id, queue, error, reason }: Task & { error: string; reason?: string | undefined }) => ({
    message: `Task "${id}" in queue "${queue}" has failed for good: ${error}${reason === undefined ? '' : ` (${reason})`}`,
    fix: 'Its attempts are kept with it, in the archive. It can be run again once the cause is gone.',
  }),
  'task-cancelled': ({
    id,
    queue,
    by,
    reason,
  }: Task & { by?: string | undefined; reason?: string | undefined }) => ({
    message: `Task "${id}" in queue "${queue}" was cancelled${by === undefined ? '' : ` by ${by}`}${reason === undefined ? '' : `: ${reason}`}.`,
    fix: 'It has no result. Enqueue a new task if it is wanted after all.',
  }),
  'wait-over': ({ id, queue, waitMs, cause }: Task & { waitMs: number; cause?: string | undefined }) => ({
    message: `Task "${id}" in queue "${queue}" has not ended within ${waitMs} ms${cause === undefined ? '' : `, or the broker could not say: ${cause}`}.`,
    fix: 'The task goes on. Wait for it again with `client.result`, or with a longer `wait`.',
  }),
  'result-gone': ({ id, queue, cause }: Task & { cause: string }) => ({
    message: `There is no result of task "${id}" in queue "${queue}": ${cause}.`,
    fix: 'Give tasks whose result is wanted later a `retention`, which `enqueueAndWait` does. Check the ID and the queue.',
  }),
  'token-not-held': ({ id, scope }: { id: string; scope: string }) => ({
    message: `Task "${id}" holds no token of the semaphore "${scope}".`,
    fix: 'Release a token only once, and before the deadline with which it was acquired.',
  }),
  // The message is Asynq's, so the same error looks the same in its tools.
  'handler-missing': ({ type }: { type: string }) => ({
    message: `handler not found for task ${goQuoted(type)}`,
    fix: 'Register a handler for this type, or for a pattern such as "*".',
  }),
  'version-mismatch': ({ kind, id, current, isTaken = false }: MismatchDetails) => ({
    message: isTaken
      ? `There is a ${kind} "${id}" already: ${currentText(current)}.`
      : `The ${kind} "${id}" was not changed: ${currentText(current)}.`,
    fix: isTaken
      ? 'Choose another ID, or put it without demanding that it is new: that changes the one that exists.'
      : 'Read it again and apply the change to the new version.',
  }),
  'calendar-not-found': ({ id }: { id: string }) => ({
    message: `There is no calendar "${id}".`,
    fix: 'Check the ID. The list of calendars has all of them.',
  }),
  'calendar-in-use': ({ id, schedules }: { id: string; schedules: readonly string[] }) => ({
    message: `The calendar "${id}" was not removed: schedules follow it, such as ${schedules.map((each) => `"${each}"`).join(', ')}.`,
    fix: 'Give them another calendar or none, or remove them. Until then its days can be changed.',
  }),
  'too-many-calendars': ({ id, limit }: { id: string; limit: number }) => ({
    message: `The calendar "${id}" was not made: there are ${limit} already, and no more are kept.`,
    fix: 'Remove one that no schedule names, or change one of them.',
  }),
  'managed-elsewhere': ({ what, where, instead }: { what: string; where: string; instead: string }) => ({
    message: `The ${what} belongs to ${where}.`,
    fix: instead,
  }),
  'schedule-not-found': ({ id }: { id: string }) => ({
    message: `There is no schedule "${id}".`,
    fix: 'Check the ID, and the business if it has one. A schedule exists until it is removed.',
  }),
  'schedule-unreadable': ({ id, queue }: { id: string; queue: string; revision: number }) => ({
    message: `The schedule "${id}" cannot be read: another program has damaged what the queue "${queue}" keeps of it.`,
    fix: 'Put it anew, which replaces it, or remove it. Either takes its history along. Its tasks stay.',
  }),
  'schedule-exists': ({ id }: { id: string }) => ({
    message: `There is a schedule "${id}" already.`,
    fix: 'Choose another ID, or put it without demanding that it is new: that changes the one that exists.',
  }),
} satisfies Record<string, (details: never) => ErrorText>;

export type ErrorCode = keyof typeof codes;
/** What the text of an error with this code is made of. */
export type ErrorDetails<C extends ErrorCode> = Parameters<(typeof codes)[C]>[0];
