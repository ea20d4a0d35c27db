// What a check looks for: rows that contradict each other. No request handler leaves such rows behind; damage, or another
// program that wrote to the file, may. Runs in the writer thread.
import type { FaultKind } from '../../../../broker/check.ts';

/** Finds rows by `SELECT <name> FROM <rows> WHERE <condition>`, with ?1 = the queue's number and ?2 = now, wall-clock ms. */
export interface Rule {
  readonly kind: FaultKind;
  /** Whether it is checked for each queue, or once for the file. */
  readonly perQueue: boolean;
  /** The column that names a row. */
  readonly name: string;
  readonly rows: string;
  readonly condition: string;
  /** What is wrong, for people. */
  readonly found: string;
  /** What a repair does, for people. */
  readonly done: string;
  /** Statements that repair a row, with ?1 = now, wall-clock ms, and ?2 = the row's name. */
  readonly repairs: readonly string[];
}

const HAS_PAYLOAD = 'EXISTS (SELECT 1 FROM body WHERE body.seq = task.seq AND body.payload IS NOT NULL)';
/** Locks that a task still needs: one that is neither completed nor cancelled. */
const OWNED_LOCKS = 'SELECT unique_key, id FROM task WHERE unique_key IS NOT NULL AND state NOT IN (4, 5)';

/** The rules by name. A candidate bears the name of its rule in `what`. */
export const RULES: Readonly<Record<string, Rule>> = {
  state: {
    kind: 'mismatch',
    perQueue: true,
    name: 'seq',
    rows: 'task',
    condition: 'queue = ?1 AND state NOT BETWEEN 0 AND 8',
    found: 'its state is unknown',
    done: 'archived',
    repairs: ['UPDATE task SET state = 6, at = ?1, finished_ms = ?1 WHERE seq = ?2'],
  },
  payload: {
    kind: 'ghost',
    perQueue: true,
    name: 'seq',
    rows: 'task',
    condition: `queue = ?1 AND size > 0 AND payload IS NULL AND NOT ${HAS_PAYLOAD}`,
    found: 'its payload is missing',
    done: 'dropped',
    repairs: ['body', 'attempt', 'task'].map((table) => `DELETE FROM ${table} WHERE seq = ?2`),
  },
  set: {
    kind: 'orphan',
    perQueue: true,
    name: 'seq',
    rows: 'task',
    condition: `queue = ?1 AND state = 8 AND NOT EXISTS
      (SELECT 1 FROM aggregation_set WHERE aggregation_set.id = in_set AND aggregation_set.queue = ?1)`,
    found: 'aggregating in a set that does not exist',
    done: 'put back into its group',
    repairs: ['UPDATE task SET state = 7, in_set = NULL WHERE seq = ?2'],
  },
  group: {
    kind: 'orphan',
    perQueue: true,
    name: 'seq',
    rows: 'task',
    condition: 'queue = ?1 AND state = 7 AND in_group IS NULL',
    found: 'aggregating without a group',
    done: 'pending, to run by itself',
    repairs: ['UPDATE task SET state = 1, at = seq, pending_since_ms = ?1 WHERE seq = ?2'],
  },
  tally: {
    kind: 'counter',
    perQueue: true,
    name: 'name',
    rows: 'queue',
    condition: 'no = ?1 AND (processed < 0 OR failed < 0)',
    found: 'a counter is negative',
    done: 'set to 0',
    repairs: ['UPDATE queue SET processed = max(0, processed), failed = max(0, failed) WHERE name = ?2'],
  },
  queue: {
    kind: 'orphan',
    perQueue: false,
    name: 'queue',
    rows: '(SELECT DISTINCT queue FROM task)',
    condition: 'queue NOT IN (SELECT no FROM queue)',
    found: 'tasks of a queue that does not exist',
    done: 'the queue was created as lost-<number>',
    repairs: [`INSERT INTO queue (no, name, used) SELECT ?2, 'lost-' || ?2, 1`],
  },
  body: {
    kind: 'leak',
    perQueue: false,
    name: 'seq',
    rows: 'body',
    condition: 'seq NOT IN (SELECT seq FROM task)',
    found: 'a payload or result without a task',
    done: 'removed',
    repairs: ['DELETE FROM body WHERE seq = ?2'],
  },
  attempt: {
    kind: 'leak',
    perQueue: false,
    name: 'seq',
    rows: '(SELECT DISTINCT seq FROM attempt)',
    condition: 'seq NOT IN (SELECT seq FROM task)',
    found: 'attempts without a task',
    done: 'removed',
    repairs: ['DELETE FROM attempt WHERE seq = ?2'],
  },
  lock: {
    kind: 'leak',
    perQueue: false,
    name: 'key',
    rows: 'unique_lock',
    condition: `until_ms > ?2 AND (key, id) NOT IN (${OWNED_LOCKS})`,
    found: 'its task does not exist, or is completed',
    done: 'released',
    repairs: ['DELETE FROM unique_lock WHERE key = ?2'],
  },
};
