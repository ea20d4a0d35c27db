import type { EngineEvents, Events } from '../runtime/events.ts';
import type { Registry } from './registry.ts';
import { inSeconds } from './samples.ts';

/** What is done with each event of one name. */
type Listeners = { readonly [N in keyof EngineEvents]?: (event: EngineEvents[N]) => void };

function attemptListeners(registry: Registry): Listeners {
  const running = registry.gauge('taskcenter_tasks_running');
  const run = registry.histogram('taskcenter_task_run_seconds');
  const wait = registry.histogram('taskcenter_task_wait_seconds');
  return {
    'attempt.started': ({ task, waitMs }) => {
      running.with(task.queue).add(1);
      if (waitMs !== null) wait.with(task.queue).observe(inSeconds(waitMs));
    },
    'attempt.finished': ({ task, type, outcome, runMs }) => {
      running.with(task.queue).add(-1);
      run.with(task.queue, type, outcome).observe(inSeconds(runMs));
    },
  };
}

function leaseListeners(registry: Registry): Listeners {
  const gap = registry.histogram('taskcenter_lease_renew_gap_seconds').with();
  const stall = registry.histogram('taskcenter_loop_stall_seconds').with();
  const lost = registry.counter('taskcenter_leases_lost_total');
  const stale = registry.counter('taskcenter_stale_acks_total').with();
  return {
    'lease.lost': ({ cause }) => (cause === 'refused' ? stale : lost.with(cause)).add(),
    // The first renewal of a lease follows on no other.
    'leases.renewed': ({ gapMs }) => gapMs > 0 && gap.observe(inSeconds(gapMs)),
    'loop.stalled': ({ stallMs }) => stall.observe(inSeconds(stallMs)),
  };
}

function dueListeners(registry: Registry): Listeners {
  const lateness = registry.histogram('taskcenter_schedule_lateness_seconds').with();
  const fires = registry.counter('taskcenter_schedule_fires_total');
  const forwarded = registry.histogram('taskcenter_forward_lateness_seconds').with();
  return {
    'tasks.forwarded': ({ lateMs }) => forwarded.observe(inSeconds(lateMs)),
    'schedule.fired': ({ outcome, lateMs }) => {
      fires.with(outcome).add();
      lateness.observe(inSeconds(lateMs));
    },
    'schedule.skipped': ({ outcome, count }) => fires.with(outcome).add(count),
  };
}

function brokerListeners(registry: Registry): Listeners {
  const took = registry.histogram('taskcenter_broker_op_seconds');
  const batch = registry.histogram('taskcenter_broker_batch_tasks');
  const errors = registry.counter('taskcenter_broker_errors_total');
  return {
    'broker.called': ({ op, tasks, ms, error }) => {
      took.with(op).observe(inSeconds(ms));
      if (tasks !== null) batch.with(op).observe(tasks);
      if (error !== null) errors.with(op, error).add();
    },
  };
}

/** Counts what the events of an engine tell. Returns what ends it. */
export function countEvents(events: Events, registry: Registry): () => void {
  const all: Listeners = {
    ...attemptListeners(registry),
    ...leaseListeners(registry),
    ...dueListeners(registry),
    ...brokerListeners(registry),
  };
  const ends = (Object.keys(all) as (keyof Listeners)[]).map((name) =>
    events.on(name, all[name] as () => void),
  );
  return () => ends.forEach((end) => end());
}
