import { OPEN_LABELS } from './definitions/definition.ts';

/** Sets of open labels that one metric has at most. */
export const MAX_LABEL_SETS = 1_000;
/** Stands for every open label of a set that came when there was no room any more. */
export const OTHER = 'other';

/**
 * The sets of open labels of one metric. A stranger can invent queues and types, and each set would stay in the memory of this
 * process and of Prometheus. The first 1,000 sets have their names, and keep them; all later ones are `other`, for good: a set
 * that once was counted as `other` never gets a name of its own, as its value would then fall, and the other's rise.
 */
export class BoundedLabels {
  /** Whether the label at this place is open. */
  readonly #open: readonly boolean[];
  readonly #known = new Set<string>();
  readonly #isBounded: boolean;

  /** @param labels the names, in the order of the values that `bound` is given */
  constructor(labels: readonly string[]) {
    this.#open = labels.map((label) => OPEN_LABELS.has(label));
    this.#isBounded = this.#open.includes(true);
  }

  /** The same values, or those of `other`. */
  bound(values: readonly string[]): readonly string[] {
    if (!this.#isBounded) return values;
    const set = values.filter((_, place) => this.#open[place]);
    const key = set.length === 1 ? set[0]! : JSON.stringify(set);
    if (!this.#known.has(key) && set.some((value) => value !== OTHER)) {
      if (this.#known.size >= MAX_LABEL_SETS)
        return values.map((value, place) => (this.#open[place] ? OTHER : value));
      this.#known.add(key);
    }
    return values;
  }
}
