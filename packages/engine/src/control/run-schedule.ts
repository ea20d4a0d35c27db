/** Runs a schedule because somebody asks for it. */
import { planFires, plainTaskId, withMadeTasks, type Ledger } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import type { FireWriteOutcome } from '../broker/fires.ts';
import type { NewTask } from '../broker/submit.ts';
import { createOptionsCheck } from '../checks/options.ts';
import { anyBytes, func, orNull } from '../checks/values.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import { openRuns, scheduledPayload, tasksOfFire } from '../firer/fire-tasks.ts';
import { storedPlan, withKnownEnds } from '../firer/plan-write.ts';
import { newUuid } from '../runtime/ids.ts';
import { checkTexts } from '../task/headers.ts';
import { FireSpans } from '../tracing/fire-spans.ts';
import {
  findSchedule,
  scheduleNotFound,
  storedNameOf,
  schedulesOf,
  type FoundSchedule,
  type ScheduleAddress,
} from './schedule-info.ts';

/** How a run differs from a fire of the plan. */
export interface ManualRunOptions {
  /** In place of the schedule's own; null = none. */
  readonly payload?: Uint8Array | null;
  readonly newId?: () => string;
}

const checkManualRun = createOptionsCheck<ManualRunOptions>('a run', {
  payload: orNull(anyBytes),
  newId: func,
});

/** A fire that somebody asked for. */
export interface ManualRun {
  /** The stored queue. */
  readonly queue: string;
  /** Its time, wall-clock ms by the broker's clock. */
  readonly fireMs: number;
  /** IDs of its tasks, one per shard, as their owner knows them. */
  readonly ids: readonly string[];
  /** The same, as they are stored. */
  readonly storedIds: readonly string[];
}

/** Each further try means that a scheduler was faster, or that somebody has changed the schedule. */
const MAX_RUN_TRIES = 32;

/** A time that no fire of a plan has: those lie on whole seconds. Never after the broker's now. */
const manualTime = (nowMs: number): number => (nowMs % 1_000 === 0 ? nowMs - 1 : nowMs);

/** The ledger to add a run to. A new schedule has none yet, and nothing is decided for it here. */
function ledgerOf({ record, spec, ledger, nowMs }: FoundSchedule): Ledger {
  if (ledger !== null) return withKnownEnds(spec, ledger, []) ?? ledger;
  const none = { next: () => null, previous: () => null, count: () => 0 };
  const { revision } = record;
  return planFires({ spec, revision, isPaused: true, ledger: null, times: none }, nowMs).ledger;
}

function refusedError(
  outcome: Exclude<FireWriteOutcome, { code: 'fired' }>,
  task: NewTask,
  broker: string,
): TaskCenterError | null {
  if (outcome.code !== 'refused') return null;
  const { queue, id } = task;
  // What is wrong with it is said here: the broker tells no more than that.
  if (outcome.cause === 'invalid-task') checkTexts(task);
  if (outcome.cause === 'broker-full') return new TaskCenterError('broker-full', { broker });
  if (outcome.cause === 'task-exists') return null;
  const plain = plainTaskId(id, task.meta.business ?? null);
  return new TaskCenterError('duplicate-task', { id: plain, queue, holder: null });
}

/**
 * Makes a fire now, whatever plan, pause and overlap say. Its outcome in the history is `manual`. The plan stays as it is.
 *
 * @throws TaskCenterError `invalid-value`, `schedule-not-found`, `broker-full`, `duplicate-task`: another task has the lock of a
 *   task with `unique`
 */
export async function runSchedule(
  broker: Broker,
  address: ScheduleAddress,
  options: ManualRunOptions = {},
): Promise<ManualRun> {
  const { payload, newId = newUuid } = checkManualRun(options, 'options');
  storedNameOf(address);
  const store = schedulesOf(broker);
  for (let tries = 0; tries < MAX_RUN_TRIES; tries += 1) {
    const found = await findSchedule(broker, address);
    const { record, spec, nowMs } = found;
    const { queue, name, stamp } = record;
    const fireMs = manualTime(nowMs);
    const own = payload === undefined ? scheduledPayload(spec.task) : payload;
    const spans = new FireSpans(spec.id, found.ledger?.fireTrace);
    const fire = { spec, name, fireMs, tasks: spec.shards, delayMs: 0, payload: own, spans };
    const tasks = tasksOfFire(fire, { newId, nowMs });
    const made = openRuns(tasks, { fireMs, nowMs, isManual: true });
    // A scheduler may have it in hand: it must look at it again.
    const idle = {
      ledger: ledgerOf(found),
      nextLookMs: nowMs,
      fires: [],
      leftOut: [],
      isMore: false,
      setBackMs: 0,
    };
    // Of a schedule that is new or was edited, the record knows better than the ledger.
    const { nextFireMs } = record;
    const plan = {
      ...storedPlan(spec, withMadeTasks(idle, { spec, made, nowMs }), spans.last),
      nextFireMs,
    };
    const fires = [{ outcome: 'manual', fireMs, toMs: fireMs, count: 1, tasks } as const];
    const [outcome] = await store.fire(queue, [{ name, stamp, fires, plan }]);
    if (outcome?.code === 'fired') {
      spans.end();
      const storedIds = tasks.map(({ id }) => id);
      return { queue, fireMs, storedIds, ids: storedIds.map((id) => plainTaskId(id, spec.businessId)) };
    }
    const error = outcome && refusedError(outcome, tasks[0]!, broker.name);
    if (error) throw error;
  }
  throw scheduleNotFound(address);
}
