// Edits and fires schedules, as the service does in its role `scheduler`.
import { setTimeout as sleep } from 'node:timers/promises';
import { createMaintenance, createRuntime, Schedules } from '@task-center/engine';
import { surroundings } from './surroundings.mjs';

/** Pause between two edits: the other edits and the fires get their turn. */
const EDIT_PAUSE_MS = 10;

/** A schedule as the library takes it, from JSON. */
function toOptions({ startsAtMs, endsAtMs, ...schedule }) {
  return {
    ...schedule,
    ...(startsAtMs !== undefined && { startsAt: new Date(startsAtMs) }),
    ...(endsAtMs !== undefined && { endsAt: new Date(endsAtMs) }),
  };
}

/** Edits and replaces schedules in turn, until it is late enough or the signal aborts. */
async function editAll(schedules, { edit, replace, untilMs }, { log, signal }) {
  const changes = [
    ...edit.map((each) => (n) => schedules.put(toOptions({ ...each, name: `edit ${n}` }))),
    ...replace.map((each) => async () => {
      await schedules.remove(each.id);
      await schedules.put(toOptions(each));
    }),
  ];
  for (let n = 0; !signal.aborted && Date.now() < untilMs; n += 1) {
    await changes[n % changes.length](n);
    log('edited');
    await sleep(EDIT_PAUSE_MS);
  }
}

/** Starts to fire and to edit. `stop` resolves when fires and edits under way have ended. */
export function keepSchedules(broker, options, { log, signal }) {
  const { queues = [], edit = [], replace = [], editUntilMs: untilMs = Infinity } = options;
  const runtime = createRuntime(surroundings(log));
  const schedules = new Schedules(broker, { runtime });
  const editing =
    edit.length + replace.length > 0 ? editAll(schedules, { edit, replace, untilMs }, { log, signal }) : null;
  const fired = [...queues];
  const maintenance =
    fired.length > 0 ? createMaintenance({ broker, queues: () => fired, runtime }) : undefined;
  maintenance?.start();
  return {
    async stop() {
      await editing;
      await maintenance?.stop();
    },
  };
}
