import { MAX_SETS, type AggregationSet, type GroupRules, type Groups } from '../../broker/groups.ts';

/** Groups that one search looks at, about. */
const MAX_SEARCHED_GROUPS = 10_000;

/** A search in a queue. */
interface Search {
  readonly queue: string;
  /** Most sets to take. */
  readonly limit: number;
  /** Where it begins; null = at the first group. */
  readonly from: string | null;
}

/**
 * Takes sets of groups that are ready. Each search in a queue goes on where the last one ended: groups that are always ready
 * must not keep others waiting.
 */
export class GroupSearch {
  readonly #groups: Pick<Groups, 'take'>;
  readonly #rules: GroupRules;
  /** By queue; a queue without one is searched from the first group. */
  readonly #cursors = new Map<string, string>();

  constructor(groups: Pick<Groups, 'take'>, rules: GroupRules) {
    this.#groups = groups;
    this.#rules = rules;
  }

  /** Takes at most `maxSets` sets of the queue's groups. */
  async take(queue: string, maxSets: number): Promise<AggregationSet[]> {
    const limit = Math.min(maxSets, MAX_SETS);
    const from = this.#cursors.get(queue) ?? null;
    const sets = await this.#search({ queue, limit, from });
    if (from === null || sets.length === limit || this.#cursors.has(queue)) return sets;
    // The search began in the middle and has reached the last group: go on with the first ones.
    return [...sets, ...(await this.#search({ queue, limit: limit - sets.length, from: null }))];
  }

  async #search({ queue, limit, from }: Search): Promise<AggregationSet[]> {
    const sets: AggregationSet[] = [];
    let next = from;
    let checked = 0;
    do {
      const step = await this.#groups.take(queue, this.#rules, limit - sets.length, next);
      sets.push(...step.sets);
      checked += step.checked;
      next = step.next;
    } while (next !== null && sets.length < limit && checked < MAX_SEARCHED_GROUPS);
    if (next === null) this.#cursors.delete(queue);
    else this.#cursors.set(queue, next);
    return sets;
  }
}
