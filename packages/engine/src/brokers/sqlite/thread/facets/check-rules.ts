import type { FaultKind } from '../../../../broker/check.ts';

/** Rows that do not fit: `SELECT name FROM rows WHERE wrong`. There ?1 is the queue's number and ?2 now, ms. */
export interface Rule {
  readonly kind: FaultKind;
  /** Whether it is asked for each queue, or once for the file. */
  readonly ofQueue: boolean;
  readonly name: string;
  readonly rows: string;
  readonly wrong: string;
  readonly found: string;
  /** What is done about it, and how: statements with ?1 = now, ms, and ?2 = the row's name. */
  readonly done: string;
  readonly mend: readonly string[];
}

const HAS_PAYLOAD = 'EXISTS (SELECT 1 FROM body WHERE body.seq = task.seq AND body.payload IS NOT NULL)';
const OWNED_LOCKS = 'SELECT unique_key, id FROM task WHERE unique_key IS NOT NULL AND state NOT IN (4, 5)';

/** Rows that no operation leaves behind. */
export const RULES: Readonly<Record<string, Rule>> = {
  state: {
    kind: 'mismatch',
    ofQueue: true,
    name: 'seq',
    rows: 'task',
    wrong: 'queue = ?1 AND state NOT BETWEEN 0 AND 8',
    found: 'its state is none',
    done: 'archived',
    mend: ['UPDATE task SET state = 6, at = ?1, finished_ms = ?1 WHERE seq = ?2'],
  },
  payload: {
    kind: 'ghost',
    ofQueue: true,
    name: 'seq',
    rows: 'task',
    wrong: `queue = ?1 AND size > 0 AND payload IS NULL AND NOT ${HAS_PAYLOAD}`,
    found: 'its payload is gone',
    done: 'dropped',
    mend: ['body', 'attempt', 'task'].map((table) => `DELETE FROM ${table} WHERE seq = ?2`),
  },
  set: {
    kind: 'orphan',
    ofQueue: true,
    name: 'seq',
    rows: 'task',
    wrong: `queue = ?1 AND state = 8 AND NOT EXISTS
      (SELECT 1 FROM aggregation_set WHERE aggregation_set.id = in_set AND aggregation_set.queue = ?1)`,
    found: 'aggregating in a set that is not there',
    done: 'put back into its group',
    mend: ['UPDATE task SET state = 7, in_set = NULL WHERE seq = ?2'],
  },
  group: {
    kind: 'orphan',
    ofQueue: true,
    name: 'seq',
    rows: 'task',
    wrong: 'queue = ?1 AND state = 7 AND in_group IS NULL',
    found: 'aggregating without a group',
    done: 'it runs by itself',
    mend: ['UPDATE task SET state = 1, at = seq, pending_since_ms = ?1 WHERE seq = ?2'],
  },
  tally: {
    kind: 'counter',
    ofQueue: true,
    name: 'name',
    rows: 'queue',
    wrong: 'no = ?1 AND (processed < 0 OR failed < 0)',
    found: 'fewer than none were processed',
    done: 'begins at 0',
    mend: ['UPDATE queue SET processed = max(0, processed), failed = max(0, failed) WHERE name = ?2'],
  },
  queue: {
    kind: 'orphan',
    ofQueue: false,
    name: 'queue',
    rows: '(SELECT DISTINCT queue FROM task)',
    wrong: 'queue NOT IN (SELECT no FROM queue)',
    found: 'tasks of a queue that is not there',
    done: 'the queue is called lost-<number>',
    mend: [`INSERT INTO queue (no, name, used) SELECT ?2, 'lost-' || ?2, 1`],
  },
  body: {
    kind: 'leak',
    ofQueue: false,
    name: 'seq',
    rows: 'body',
    wrong: 'seq NOT IN (SELECT seq FROM task)',
    found: 'a payload or result without a task',
    done: 'removed',
    mend: ['DELETE FROM body WHERE seq = ?2'],
  },
  attempt: {
    kind: 'leak',
    ofQueue: false,
    name: 'seq',
    rows: '(SELECT DISTINCT seq FROM attempt)',
    wrong: 'seq NOT IN (SELECT seq FROM task)',
    found: 'attempts without a task',
    done: 'removed',
    mend: ['DELETE FROM attempt WHERE seq = ?2'],
  },
  lock: {
    kind: 'leak',
    ofQueue: false,
    name: 'key',
    rows: 'unique_lock',
    wrong: `until_ms > ?2 AND (key, id) NOT IN (${OWNED_LOCKS})`,
    found: 'its task is no more, or is completed',
    done: 'released',
    mend: ['DELETE FROM unique_lock WHERE key = ?2'],
  },
};
