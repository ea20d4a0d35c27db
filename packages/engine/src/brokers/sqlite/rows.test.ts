import { expect, test } from 'vitest';
import {
  ACTION,
  FINISH,
  HAS_BODY,
  HAS_LOCK,
  indexNames,
  LEASE,
  LEASED,
  NEW_TASK,
  type FinishItem,
} from './rows.ts';

const finish: FinishItem = {
  action: ACTION.retry,
  queue: 0,
  seq: 7,
  token: 3,
  related: HAS_BODY + HAS_LOCK,
  attempt: 2,
  record: '{}',
  stack: '2;Error',
  error: null,
  waitingFor: null,
  delayMs: 1_000,
  failures: 1,
};

test('a message is read from its row as it was written', () => {
  const row: unknown = JSON.parse(JSON.stringify(FINISH.toRow(finish)));
  const view = FINISH.fromRow(row as ReturnType<typeof FINISH.toRow>);
  expect(Object.fromEntries(FINISH.names.map((name) => [name, view[name]]))).toEqual(finish);
});

test('no message has two columns of one name', () => {
  for (const { names } of [NEW_TASK, LEASED, FINISH, LEASE]) expect(new Set(names).size).toBe(names.length);
});

test('each name is listed once, and each item gets the index of its name', () => {
  expect(indexNames(['b', 'a', 'b'])).toEqual({ names: ['b', 'a'], indexes: [0, 1, 0] });
});
