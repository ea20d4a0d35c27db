import { expect, onTestFinished, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import type { Claim } from '../../../src/broker/claims.ts';
import { migrations } from '../../../src/brokers/sqlite/migrations/migrations.generated.ts';
import { plain } from '../../../src/brokers/sqlite/packing.ts';
import { openDatabase, type Database } from '../../../src/brokers/sqlite/thread/database.ts';
import { createClaimHandlers } from '../../../src/brokers/sqlite/thread/facets/claims.ts';
import { migrate } from '../../../src/brokers/sqlite/thread/migrate.ts';
import { createStore } from '../../../src/brokers/sqlite/thread/store.ts';
import { folder, open } from './open.ts';

const TTL_MS = 10_000;
const HOUR_MS = 3_600_000;
const NOW_MS = 1_767_225_600_000;

/** Takes the claim, and fails if another holder has it. */
async function tokenOf({ claims }: Broker, holder: string): Promise<number> {
  const claim = await claims.take('metrics', { holder, ttlMs: TTL_MS });
  if (!claim) throw new Error(`${holder} did not get the claim`);
  return claim.token;
}

/** The file without the thread. */
async function openFile(): Promise<Database> {
  const database = openDatabase((await folder()).file('tasks.db'));
  onTestFinished(() => database.close());
  migrate(database, migrations);
  return database;
}

test('claims end with the process, and the tokens of the next one are greater although its clock was set back', async () => {
  const path = (await folder()).file('tasks.db');
  let nowMs = NOW_MS;
  const options = { nowMs: () => nowMs };
  const tokens: number[] = [];
  for (let process = 0; process < 2; process += 1) {
    const broker = await open(path, options);
    const token = await tokenOf(broker, `holder ${process}`);
    expect(token).toBeGreaterThan(tokens.at(-1) ?? 0);
    const old = { holder: `holder ${process - 1}`, token: tokens.at(-1) ?? 1 };
    expect(await broker.claims.renew('metrics', { ...old, ttlMs: TTL_MS })).toBe(false);
    expect(await broker.claims.release('metrics', old)).toBe(false);
    tokens.push(token);
    await broker.close();
    nowMs -= HOUR_MS;
  }
});

test('a claim is measured by the monotonic clock: setting the clock neither ends nor prolongs it', async () => {
  const { claimTake, claimRenew } = createClaimHandlers(createStore(await openFile()));
  const take = (holder: string, wallMs: number, monotonicMs: number): Claim | null =>
    claimTake(plain({ name: 'metrics', holder, ttlMs: TTL_MS }), { wallMs, monotonicMs }).data;
  const first = take('a', NOW_MS, 0.5);
  expect(first).toEqual({ token: NOW_MS, untilMs: NOW_MS + TTL_MS });
  expect(take('b', NOW_MS + HOUR_MS, TTL_MS)).toBeNull();
  expect(take('b', NOW_MS - HOUR_MS, TTL_MS)).toBeNull();
  const second = take('b', NOW_MS - HOUR_MS, TTL_MS + 0.5);
  expect(second!.token).toBe(first!.token + 1);
  const renewal = { name: 'metrics', holder: 'b', token: second!.token, ttlMs: TTL_MS };
  expect(claimRenew(plain(renewal), { wallMs: NOW_MS, monotonicMs: 2 * TTL_MS }).data).toBe(true);
  expect(take('a', NOW_MS, 3 * TTL_MS - 1)).toBeNull();
});

test('a token that was not stored, as its transaction has failed, is stored when the holder asks again', async () => {
  const database = await openFile();
  const now = { wallMs: NOW_MS, monotonicMs: 0 };
  const call = plain({ name: 'metrics', holder: 'a', ttlMs: TTL_MS });
  const { claimTake } = createClaimHandlers(createStore(database));
  const stored = () => database.prepare("SELECT value FROM meta WHERE name = 'claim_token'").get()?.[0];
  database.exec('BEGIN');
  const lost = claimTake(call, now).data;
  database.exec('ROLLBACK');
  expect(stored()).toBeUndefined();
  expect(claimTake(call, now).data).toEqual(lost);
  expect(stored()).toBe(lost!.token);
});

test.each(["'x'", '1.5', '-1', "x'00'", '9000000000000000000', 'NULL'])(
  'claims go on where the last token is %s, which no token can be',
  async (value) => {
    const database = await openFile();
    database.exec(`INSERT INTO meta (name, value) VALUES ('claim_token', ${value})`);
    const { claimTake } = createClaimHandlers(createStore(database));
    const take = (name: string) =>
      claimTake(plain({ name, holder: 'a', ttlMs: TTL_MS }), { wallMs: NOW_MS, monotonicMs: 0 }).data?.token;
    expect([take('first'), take('second')]).toEqual([NOW_MS, NOW_MS + 1]);
    const type = database.prepare("SELECT typeof(value) FROM meta WHERE name = 'claim_token'");
    expect(type.get()?.[0]).toBe('integer');
  },
);
