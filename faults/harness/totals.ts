import type { QueueTotals } from '../../packages/engine/src/broker/totals.ts';
import { countOf, isPoison } from './bookkeeping.ts';
import type { BrokerContent, StoredTask } from './broker-content.ts';

type Counted = Omit<QueueTotals, 'uncounted' | 'revoked' | 'unreadable' | 'quarantined'>;

const sumOf = (tasks: readonly StoredTask[], count: (task: StoredTask) => number) =>
  tasks.reduce((sum, task) => sum + count(task), 0);

const isIn = (state: StoredTask['state']) => (task: StoredTask) => (task.state === state ? 1 : 0);

const wasCancelledRunning = ({ state, cancelled }: StoredTask): boolean =>
  state === 'cancelled' && cancelled?.wasRunning === true;

/** Lost attempts after which the task runs again. */
function recoveriesOf(task: StoredTask): number {
  const endedByLoss =
    isPoison(task) || (wasCancelledRunning(task) && task.attempts.at(-1)?.outcome === 'lost');
  return task.crashes - (endedByLoss ? 1 : 0);
}

/** Attempts of Go workers that are gone; our recoverer has ended them as failures. */
const goLosses = ({ attempts }: StoredTask): number =>
  attempts.filter(({ outcome, error }) => outcome === 'lost' && error !== undefined).length;

/** What the totals of a queue must be, from the tasks that it has at the end. Operators have run none of them again. */
function totalsOf(tasks: readonly StoredTask[]): Counted {
  const poisons = tasks.filter(isPoison).length;
  const failures = sumOf(tasks, (task) => countOf(task, 'failed'));
  const archived = sumOf(tasks, isIn('archived'));
  return {
    enqueued: tasks.length,
    started: sumOf(tasks, ({ attempt, deferrals }) => attempt + deferrals),
    succeeded: sumOf(tasks, (task) => countOf(task, 'succeeded')),
    failed: failures + poisons,
    retried: failures + poisons - archived,
    archived,
    cancelled: sumOf(tasks, isIn('cancelled')),
    cancelledRunning: tasks.filter(wasCancelledRunning).length,
    recovered: sumOf(tasks, recoveriesOf),
    deferred: sumOf(tasks, ({ deferrals }) => deferrals),
  };
}

/** Operators may have run archived tasks again, and archived or cancelled others. */
const AT_LEAST: readonly string[] = ['archived', 'retried'] satisfies (keyof Counted)[];

function faultsOf(queue: string, totals: QueueTotals, tasks: readonly StoredTask[]): string[] {
  // Those that were removed are still counted.
  const isWhole = totals.enqueued === tasks.length;
  const faults = Object.entries(totalsOf(tasks)).flatMap(([name, expected]) => {
    const counted = totals[name as keyof Counted];
    const isTrue = isWhole && !AT_LEAST.includes(name) ? counted === expected : counted >= expected;
    return isTrue ? [] : [`totals of ${queue}: ${name} is ${counted}, and the tasks say ${expected}`];
  });
  const { succeeded, failed, uncounted, revoked, cancelledRunning, deferred, recovered } = totals;
  const ended = succeeded + failed + uncounted + revoked + cancelledRunning + deferred + recovered;
  const ofGo = sumOf(tasks, goLosses);
  if (totals.started + ofGo !== ended)
    faults.push(`totals of ${queue}: ${totals.started} and ${ofGo} of Go's started, ${ended} ended`);
  return faults;
}

/**
 * Compares the totals of each queue with its tasks. A queue with tasks that could not be read is left out: the experiment has written
 * them itself, and has removed them.
 */
export const totalsFaults = ({ tasks, totals }: BrokerContent): string[] =>
  [...totals].flatMap(([queue, counted]) =>
    counted.quarantined > 0
      ? []
      : faultsOf(
          queue,
          counted,
          [...tasks.values()].filter((task) => task.queue === queue),
        ),
  );
