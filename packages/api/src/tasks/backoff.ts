// The waits between the attempts of a task. The contract writes durations as texts (`initial: "1s"`); the engine computes
// with ms (`initialMs: 1000`). The kinds and their fields are the same.

import * as z from 'zod';
import { BACKOFF_FIELDS, DAY_MS, formatDuration, MIN_API_RETRY_MS, type Backoff } from '@task-center/model';
import { strict } from '../strict.ts';
import { duration } from '../values.ts';

const jitter = z
  .number()
  .min(0)
  .max(1)
  .default(0.25)
  .meta({ description: 'Largest share of a delay that is added to it by chance; 0.25 = up to 25 %' });
const MAX_DELAY_MS = 30 * DAY_MS;
const retryDelay = duration(MIN_API_RETRY_MS, MAX_DELAY_MS);

/** `max` limits a wait, its jitter included. After the last of `delays`, that one is used again. */
const backoffInput = z.discriminatedUnion(
  'kind',
  [
    strict({
      kind: z.literal('exponential'),
      initial: retryDelay.prefault('1s'),
      max: retryDelay.prefault('300s'),
      factor: z.number().min(1).max(100).default(2),
      jitter,
    }).meta({ id: 'ExponentialBackoff' }),
    strict({
      kind: z.literal('linear'),
      initial: retryDelay,
      step: duration(0, MAX_DELAY_MS),
      max: retryDelay.prefault('300s'),
      jitter,
    }).meta({ id: 'LinearBackoff' }),
    strict({ kind: z.literal('fixed'), delay: retryDelay, jitter }).meta({ id: 'FixedBackoff' }),
    strict({ kind: z.literal('list'), delays: z.array(retryDelay).min(1).max(100), jitter }).meta({
      id: 'ListBackoff',
    }),
  ],
  { error: 'must be an object whose kind is exponential, linear, fixed or list' },
);

type Values = Readonly<Record<string, unknown>>;

/** The model's names of durations have the unit: `initialMs` is `initial`. */
const isDuration = (name: string) => name.endsWith('Ms');
const contractName = (name: string) => name.replace(/Ms$/, '');

/** Converts a submitted backoff to the model's. Its durations are already decoded, so only the names change. */
function fromContract(given: { readonly kind: Backoff['kind'] }): Backoff {
  const values: Values = { ...given };
  const decoded: Record<string, unknown> = { kind: given.kind };
  for (const name of BACKOFF_FIELDS[given.kind]) decoded[name] = values[contractName(name)];
  return decoded as Backoff;
}

/** `writeDelay`: returns one duration, ms, as the contract has it. */
function toContract(value: Backoff, writeDelay: (ms: number) => unknown): Record<string, unknown> {
  const values = value as unknown as Values;
  const write = (name: string, field: unknown) => {
    if (!isDuration(name)) return field;
    return Array.isArray(field) ? field.map((ms: number) => writeDelay(ms)) : writeDelay(field as number);
  };
  const shown: Record<string, unknown> = { kind: value.kind };
  for (const name of BACKOFF_FIELDS[value.kind]) shown[contractName(name)] = write(name, values[name]);
  return shown;
}

/** A backoff as it is submitted, decoded to the model's. */
export const backoff = z.codec(backoffInput, z.custom<Backoff>(), {
  decode: fromContract,
  // Delays stay ms here: the schemas in `backoffInput` write them as texts.
  encode: (value) => toContract(value, (ms) => ms) as z.output<typeof backoffInput>,
});

const shownDelay = z.string();
/** A backoff in an answer: the kind, and the parameters that this kind has. */
export const backoffAnswer = z
  .object({
    kind: z.string(),
    initial: shownDelay.optional(),
    step: shownDelay.optional(),
    max: shownDelay.optional(),
    factor: z.number().optional(),
    delay: shownDelay.optional(),
    delays: z.array(shownDelay).optional(),
    jitter: z.number().optional(),
  })
  .meta({ id: 'Backoff', description: 'The kind, and the parameters that this kind has' });

/** A backoff in an answer. Stored ones may exceed the limits of a submission: none is checked here. */
export const shownBackoff = (value: Backoff) =>
  toContract(value, formatDuration) as z.output<typeof backoffAnswer>;
