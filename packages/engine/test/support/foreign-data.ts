import * as fc from 'fast-check';
import { goMessage } from '../brokers/redis/go-message.ts';
import type { RawRedis } from './raw-redis.ts';

const Q = 'asynq:{q}:';
const TC = 'tc:{q}:';
const NO_MESSAGE = Buffer.from([0x0a, 0xff, 0xff]);

/** Indexes that may contain the ID; `lease` means that it is in the list of active tasks, too. */
const INDEXES = [
  'pending',
  'lease',
  'lease only',
  'active only',
  'scheduled',
  'retry',
  'archived',
  'completed',
  'g:some',
  'due',
  'st:cancelled',
  'doubts',
] as const;
/**
 * What the task key of the ID contains: nothing, a value of another type, bytes that are no message, fields without a
 * message, or a message and fields with wrong values.
 */
const BODIES = ['none', 'type', 'bytes', 'fields', 'wrong-values'] as const;
const STATES: Partial<Record<(typeof INDEXES)[number], string>> = { lease: 'active', 'lease only': 'active' };

/** An ID in an index, with the contents of its task key. */
export interface ForeignId {
  readonly kind: 'id';
  readonly index: (typeof INDEXES)[number];
  readonly body: (typeof BODIES)[number];
  readonly id: string;
  readonly score: string;
  /** Whether its score is in the past. */
  readonly due: boolean;
  readonly junk: string;
}

/** A key of a wrong type; left out if the key exists already. */
interface WrongTypeKey {
  readonly kind: 'type';
  readonly key: string;
  readonly type: string;
}

/** A value that the readers of its key do not expect, as the command that writes it. */
interface UnexpectedValue {
  readonly kind: 'value';
  readonly command: readonly string[];
}

/** One piece of foreign data in a queue. */
export type ForeignItem = ForeignId | WrongTypeKey | UnexpectedValue;

const PAST = ['-inf', '-1e300', '-3.5', '0', '0.5', '1000.25'];
const FUTURE = ['1e300', 'inf', '8640000000001', '99999999999999999'];
const JUNK = [
  '',
  'x',
  '-1',
  '1.5',
  'nan',
  'inf',
  '-inf',
  '1e300',
  '0x10',
  '99999999999999999999',
  '9223372036854775807',
  '{',
  '1{"r":5,"g":7}',
  ';;;;',
  '1;2;3;4',
  '\n\n',
  '\u0000',
  '5;999999999999999999999;3;2;w',
];

const asynqKeys = [
  'pending',
  'active',
  'lease',
  'scheduled',
  'retry',
  'archived',
  'completed',
  'groups',
  'aggregation_sets',
  'paused',
  'processed',
  'failed',
  'g:some',
  'g:other',
  'unique:x:y',
].map((name) => Q + name);
const ourKeys = ['due', 'st:cancelled', 'doubts', 'tok', 'scan', 'cfg', 'biz', 'odd', 'n'].map(
  (name) => TC + name,
);
const TYPES = ['string', 'list', 'set', 'zset', 'hash', 'stream'];
const day = () => new Date().toISOString().slice(0, 10);

const foreignId: fc.Arbitrary<ForeignId> = fc
  .record({
    kind: fc.constant('id'),
    index: fc.constantFrom(...INDEXES),
    body: fc.constantFrom(...BODIES),
    id: fc.oneof(
      fc.uuid(),
      fc.string({ unit: 'grapheme', maxLength: 20 }),
      fc.constantFrom('x'.repeat(300), ' ', '{q}', '../..'),
    ),
    time: fc.oneof(
      fc.constantFrom(...PAST).map((score) => ({ score, due: true })),
      fc.constantFrom(...FUTURE).map((score) => ({ score, due: false })),
    ),
    junk: fc.constantFrom(...JUNK),
  })
  .map(({ time, ...item }) => ({ ...item, ...time, id: `f${item.id}` }));

const wrongTypeKey: fc.Arbitrary<WrongTypeKey> = fc.record({
  kind: fc.constant('type'),
  key: fc.oneof(
    fc.constantFrom(...asynqKeys, ...ourKeys),
    fc.constantFrom('processed', 'failed').map((name) => `${Q}${name}:${day()}`),
  ),
  type: fc.constantFrom(...TYPES),
});

const junk = fc.constantFrom(...JUNK);
const command = fc.oneof(
  junk.map((value) => ['SET', `${TC}tok`, value]),
  fc
    .tuple(fc.constantFrom('last', 'until', 'holds', 'first', 'active', 'cursor', 'repaired', 'swept'), junk)
    .map(([field, value]) => ['HSET', `${TC}scan`, field, value]),
  fc
    .tuple(fc.constantFrom('processed', 'failed', `processed:${day()}`, `failed:${day()}`), junk)
    .map(([name, value]) => ['SET', Q + name, value]),
  fc
    .tuple(fc.constantFrom('dropped', 'archived', 'aside'), junk)
    .map(([field, value]) => ['HSET', `${TC}odd`, field, value]),
  junk.map((value) => ['SADD', `${Q}groups`, value]),
  junk.map((value) => ['SADD', `${TC}biz`, value]),
  fc.constantFrom(...PAST, ...FUTURE).map((score) => ['ZADD', `${Q}aggregation_sets`, score, `${Q}g:some:1`]),
  // A task that waits, in a set of finished ones.
  fc
    .tuple(fc.constantFrom('completed', 'archived'), fc.constantFrom(...PAST))
    .map(([set, score]) => ['ZADD', Q + set, score, 'early-soon']),
);
const unexpectedValue: fc.Arbitrary<UnexpectedValue> = fc.record({ kind: fc.constant('value'), command });

export const foreignItems: fc.Arbitrary<ForeignItem[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: foreignId },
    { weight: 1, arbitrary: wrongTypeKey },
    { weight: 1, arbitrary: unexpectedValue },
  ),
  { minLength: 1, maxLength: 15, size: 'max' },
);

/** The seed of a failed run, which it has printed: `TASKCENTER_TEST_SEED` repeats that run. */
export function seedFromEnvironment(): { seed?: number } {
  const text = process.env.TASKCENTER_TEST_SEED;
  return text === undefined ? {} : { seed: Number(text) };
}

/** Creates a key of this type with one element. */
async function createKey(raw: RawRedis, key: string, type: string): Promise<void> {
  const commands: Record<string, string[]> = {
    string: ['SET', key, 'x'],
    list: ['RPUSH', key, 'x'],
    set: ['SADD', key, 'x'],
    zset: ['ZADD', key, '1', 'x'],
    hash: ['HSET', key, 'x', 'y'],
    stream: ['XADD', key, '*', 'x', 'y'],
  };
  await raw.call(...(commands[type] ?? []));
}

async function storeBody(raw: RawRedis, { id, body: kind, index, junk: value }: ForeignId): Promise<void> {
  const key = `${Q}t:${id}`;
  const state = STATES[index] ?? index;
  if (kind === 'type') await createKey(raw, key, 'list');
  if (kind === 'bytes') await raw.call('HSET', key, 'msg', NO_MESSAGE, 'state', state, 'tc', value);
  if (kind === 'fields') await raw.call('HSET', key, 'state', state, 'tc:a', value);
  if (kind !== 'wrong-values') return;
  const msg = goMessage({
    type: 'other',
    payload: value,
    id: `not-${id}`,
    queue: 'elsewhere',
    uniqueKey: value,
  });
  const fields = [
    'state',
    state,
    'pending_since',
    value,
    'group',
    value,
    'unique_key',
    value,
    'result',
    value,
  ];
  const ours = ['tc', 'tc:a', 'tc:x', 'tc:d', 'tc:s', 'tc:c'].flatMap((field) => [field, value]);
  await raw.call('HSET', key, 'msg', msg, ...fields, ...ours);
}

async function addToIndex(raw: RawRedis, { id, index, score }: ForeignId): Promise<void> {
  const list = (name: string) => raw.call('LPUSH', Q + name, id);
  const set = (key: string) => raw.call('ZADD', key, score, id);
  if (index === 'pending') await list('pending');
  else if (index === 'active only') await list('active');
  else if (index === 'lease') await Promise.all([list('active'), set(`${Q}lease`)]);
  else if (index === 'lease only') await set(`${Q}lease`);
  else if (['due', 'st:cancelled', 'doubts'].includes(index)) await set(TC + index);
  else await set(Q + index);
}

/** Stores the items, except those that clash with keys that exist already. Resolves to the stored ones. */
export async function storeForeignItems(
  raw: RawRedis,
  items: readonly ForeignItem[],
): Promise<ForeignItem[]> {
  const stored: ForeignItem[] = [];
  const ids = new Set<string>();
  for (const item of items) {
    try {
      if (item.kind === 'type') {
        if ((await raw.call('EXISTS', item.key)) === 1) continue;
        await createKey(raw, item.key, item.type);
      } else if (item.kind === 'value') {
        await raw.call(...item.command);
      } else {
        if (ids.has(item.id)) continue;
        ids.add(item.id);
        await addToIndex(raw, item);
        await storeBody(raw, item);
      }
      stored.push(item);
    } catch {
      // The key exists already with another type.
    }
  }
  return stored;
}
