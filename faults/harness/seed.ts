/** Random numbers that repeat: the same seed gives the same sequence. */
export interface Random {
  readonly seed: number;
  /** In [0, 1). */
  next(): number;
  /** In [from, to). */
  between(from: number, to: number): number;
  /** @throws Error for an empty list */
  pick<T>(list: readonly T[]): T;
}

/** The seed in `FAULTS_SEED`, or else a new one: a whole number from 0 to 2^31 − 1. */
export function chosenSeed(): number {
  const given = process.env.FAULTS_SEED;
  if (given === undefined || given === '') return Math.floor(Math.random() * 2 ** 31);
  const seed = Number(given);
  if (Number.isInteger(seed) && seed >= 0 && seed < 2 ** 31) return seed;
  throw new Error(`FAULTS_SEED is ${JSON.stringify(given)}; expected a whole number from 0 to 2147483647`);
}

/** The generator mulberry32. */
export function seeded(seed: number): Random {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    seed,
    next,
    between: (from, to) => from + next() * (to - from),
    pick(list) {
      const index = Math.floor(next() * list.length);
      // A loop, as an element may be undefined itself.
      for (const element of list.slice(index, index + 1)) return element;
      throw new Error('cannot pick from an empty list');
    },
  };
}
