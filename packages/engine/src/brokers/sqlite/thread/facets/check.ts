import type { Fault, Candidate } from '../../../../broker/check.ts';
import { plain, type Packet } from '../../packing.ts';
import type { SqlValue } from '../database.ts';
import { STATES } from '../../states.ts';
import type { Now, Store } from '../store.ts';
import { RULES } from './check-rules.ts';
import { createLocks } from '../tables/locks.ts';

export interface CheckPageCall {
  readonly queue: string | null;
  /** A name of `CHECKS`. */
  readonly what: string;
  /** The last name of the page before; null = from the start. */
  readonly after: SqlValue;
}

export interface CheckExamineCall {
  readonly queue: string | null;
  readonly suspects: readonly Pick<Candidate, 'what' | 'name'>[];
  readonly mend: boolean;
}

/** What is looked at beside the rules: the file itself, and the counts that are kept in memory. */
const FILE = 'file';
const COUNTS = 'counts';

/** What there is to look at, in an order in which what one mends the next ones find. */
export const CHECKS = {
  ofFile: [FILE, ...Object.keys(RULES).filter((what) => !RULES[what]!.ofQueue)],
  ofQueue: [...Object.keys(RULES).filter((what) => RULES[what]!.ofQueue), COUNTS],
} as const;

const PAGE = 500;

/** Where and when a rule is asked for. */
interface Scope {
  /** Its number; null = the whole file. */
  readonly queue: number | null;
  readonly nowMs: number;
}

function createRule({ database }: Store, what: string) {
  const { name, rows, wrong, mend, kind, found, done } = RULES[what]!;
  const page = database.prepare(`SELECT ${name} FROM ${rows} WHERE ${wrong}
    AND (?3 IS NULL OR ${name} > ?3) ORDER BY ${name} LIMIT ${PAGE}`);
  const look = database.prepare(`SELECT ${name} FROM ${rows} WHERE ${wrong} AND ${name} = ?3`);
  const changes = mend.map((sql) => database.prepare(sql));
  const locks = createLocks(database);
  return {
    page: ({ queue, nowMs }: Scope, after: SqlValue): SqlValue[] =>
      page.all(queue, nowMs, after).map(([one = null]) => one),

    look({ queue, nowMs }: Scope, text: string, repair: boolean): Fault | null {
      const value = name === 'seq' || name === 'queue' ? Number(text) : text;
      if (!look.get(queue, nowMs, value)) return null;
      if (!repair) return { kind, found, done: null };
      if (what === 'payload') locks.release(Number(value));
      for (const change of changes) change.run(nowMs, value);
      return { kind, found, done };
    },
  };
}

/** Reads the book of the queues again, and tells the other thread of all of them. */
function countAnew({ queues }: Store): void {
  queues.reload();
  for (const name of queues.names()) {
    const entry = queues.find(name);
    if (entry) queues.recordPause(entry, entry.paused);
  }
}

function createCounts(store: Store) {
  const counted = store.database.prepare('SELECT state, count(*) FROM task WHERE queue = ? GROUP BY state');

  return (queue: string, repair: boolean): Fault | null => {
    const entry = store.queues.find(queue);
    if (!entry) return null;
    const real = new Map(counted.all(entry.no).map(([state, count]) => [Number(state), Number(count)]));
    const wrong = STATES.findIndex((_, state) => (entry.counts[state] ?? 0) !== (real.get(state) ?? 0));
    if (wrong < 0) return null;
    const [counts, has] = [entry.counts[wrong] ?? 0, real.get(wrong) ?? 0];
    const found = `counts ${counts} tasks ${STATES[wrong]}, yet has ${has}`;
    if (repair) countAnew(store);
    return { kind: 'counter', found, done: repair ? 'counted anew' : null };
  };
}

function createFile({ database }: Store) {
  const integrity = database.prepare('PRAGMA integrity_check(20)');
  return {
    names: (): string[] =>
      integrity.all().flatMap(([text]) => (text === 'ok' ? [] : String(text).split('\n'))),
    fault: (name: string): Fault => ({ kind: 'damage', found: name, done: null }),
  };
}

export function checkOperations(store: Store) {
  const made = new Map<string, ReturnType<typeof createRule>>();
  // A broker is seldom checked: its statements are made at the first need.
  function ruleOf(what: string): ReturnType<typeof createRule> {
    const one = made.get(what) ?? createRule(store, what);
    made.set(what, one);
    return one;
  }
  const counts = createCounts(store);
  const file = createFile(store);
  const scopeOf = (queue: string | null, nowMs: number): Scope => ({
    queue: queue === null ? null : (store.queues.find(queue)?.no ?? -1),
    nowMs,
  });

  function look({ what, name }: Pick<Candidate, 'what' | 'name'>, call: CheckExamineCall, nowMs: number) {
    if (what === FILE) return file.fault(name);
    if (what === COUNTS) return counts(name, call.mend);
    return ruleOf(what).look(scopeOf(call.queue, nowMs), name, call.mend);
  }

  return {
    /** Names of what seems wrong; none = there are no more. */
    checkPage({ data }: Packet<CheckPageCall>, { wallMs }: Now): Packet<readonly SqlValue[]> {
      const { queue, what, after } = data;
      if (what === FILE) return plain(after === null ? file.names() : []);
      if (what === COUNTS) return plain(after === null ? [queue] : []);
      return plain(ruleOf(what).page(scopeOf(queue, wallMs), after));
    },

    checkLook({ data }: Packet<CheckExamineCall>, { wallMs }: Now): Packet<readonly (Fault | null)[]> {
      const ordered = data.suspects.filter(({ what }) => what !== COUNTS);
      const faults = new Map<unknown, Fault | null>(ordered.map((one) => [one, look(one, data, wallMs)]));
      if (data.mend && [...faults.values()].some((fault) => fault !== null)) countAnew(store);
      return plain(data.suspects.map((one) => faults.get(one) ?? look(one, data, wallMs)));
    },
  };
}
