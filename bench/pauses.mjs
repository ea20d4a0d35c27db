// Collects what blocked Redis: our scripts by name, those of others by hash, and events of Redis' latency monitor.
import { lua } from '../packages/engine/dist/brokers/redis/scripts/lua.generated.js';

/** The promise of the engine: none of its scripts blocks Redis for longer. */
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

/** @param scripts `{ sha1, ms }` from the slow log */
export function recordScripts(scripts) {
  for (const { sha1, ms } of scripts) {
    if (ms <= MAX_PAUSE_MS) continue;
    add(nameOf(sha1), ms);
  }
}

/** @param latest the reply of `LATENCY LATEST` */
export function recordEvents(latest) {
  for (const [event, , , ms] of latest) add(`Redis: ${event}`, Number(ms));
}

/** Returns the pauses since the last call, the longest first. */
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
