// What the engine tells in a process of an experiment, as it goes into its history.
import { Events } from '@task-center/engine';
import { now } from './log.mjs';

/** From `performance.now()`, which starts with the process, to the shared clock. */
const SHIFT_MS = now() - performance.now();
/** Events that are logged with their fields. */
const LOGGED = ['lease.lost', 'tasks.recovered', 'tasks.quarantined', 'queue.repaired', 'worker.revived'];

/** Events of the engine that go into the history. */
function createEvents(log) {
  const events = new Events();
  events.on('attempt.finished', ({ task, attempt, outcome }) =>
    log('finished', { id: task.id, attempt, outcome }),
  );
  events.on('loop.failed', ({ loop, error }) =>
    log('event', { name: 'loop.failed', loop, error: String(error) }),
  );
  events.on('leases.renewed', ({ sinceMs, leases, queue, gapMs }) =>
    log('renewed', { since: sinceMs + SHIFT_MS, leases, queue, gapMs }),
  );
  events.on('leases.released', ({ atMs, ...rest }) => log('released', { at: atMs + SHIFT_MS, ...rest }));
  events.on('loop.stalled', (stall) => log('stalled', stall));
  events.on('schedule.fired', (fire) => log('fired', fire));
  events.on('schedule.skipped', (fires) => log('left-out', fires));
  for (const name of LOGGED) {
    events.on(name, ({ task, ...rest }) => log('event', { name, ...(task && { id: task.id }), ...rest }));
  }
  return events;
}

/** The engine's logger: warnings and errors go into the history, for the analysis of a failed run. */
function createLogger(log) {
  const write = (level) => (fields, message) => {
    const { err, ...rest } = fields;
    log('logged', { level, message, ...rest, ...(err && { err: String(err) }) });
  };
  return { debug() {}, info() {}, warn: write('warn'), error: write('error') };
}

/** The parts of a runtime that write into the history. */
export const surroundings = (log) => ({ events: createEvents(log), log: createLogger(log) });
