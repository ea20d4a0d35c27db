// What held Redis up: scripts of ours by name, others' by hash, and the events of Redis' own latency monitor.
import { lua } from '../packages/engine/dist/brokers/redis/scripts/lua.generated.js';

/** The promise of the engine: no script holds Redis for longer. */
export const MAX_PAUSE_MS = 5;

const names = new Map(Object.entries(lua).map(([name, { sha1 }]) => [sha1, name]));
const pauses = new Map();

function add(what, ms) {
  const { times, longest } = pauses.get(what) ?? { times: 0, longest: 0 };
  pauses.set(what, { times: times + 1, longest: Math.max(longest, ms) });
}

function nameOf(sha1) {
  const name = names.get(sha1);
  if (name) return `our script "${name}"`;
  return /^[0-9a-f]{40}$/.test(sha1)
    ? `a peer's script ${sha1.slice(0, 8)}`
    : 'a script when it was first sent';
}

/** @param scripts `{ sha1, ms }` of the slow log */
export function noteScripts(scripts) {
  for (const { sha1, ms } of scripts) {
    if (ms <= MAX_PAUSE_MS) continue;
    add(nameOf(sha1), ms);
  }
}

/** @param latest the reply of `LATENCY LATEST` */
export function noteEvents(latest) {
  for (const [event, , , ms] of latest) add(`Redis: ${event}`, Number(ms));
}

/** All of them since it was asked last, the longest first. */
export function takePauses(scenario) {
  const rows = [...pauses].map(([what, { times, longest }]) => ({
    scenario,
    what,
    times,
    'longest ms': longest,
  }));
  pauses.clear();
  return rows.sort((a, b) => b['longest ms'] - a['longest ms']);
}
