// Versions as HTTP has them (RFC 9110, 8.8.3 and 13.1): an ETag in the answer, and headers by which a call depends on it.

import type { Route } from './route.ts';

/** The ETag of a version: `"v7"`. Versions of a resource never come back, also not after it was deleted: the tag is a strong one. */
export const etagOf = (version: number): string => `"v${version}"`;

/** The headers that make a call depend on the version of a resource, by the method of the call. */
const CONDITIONS = {
  GET: ['if-none-match'],
  POST: [],
  PUT: ['if-match', 'if-none-match'],
  PATCH: ['if-match'],
  DELETE: ['if-match'],
} as const satisfies Record<Route['method'], readonly string[]>;

export type Condition = (typeof CONDITIONS)[keyof typeof CONDITIONS][number];
/** Those of a call that changes something. A program that asks again whether anything is new needs no client of ours. */
export type ConditionOfChange<M extends Route['method']> = M extends 'GET'
  ? never
  : (typeof CONDITIONS)[M][number];

/** The conditions that an operation takes. */
export const conditionsOf = ({ versioned, method }: Route): readonly Condition[] =>
  versioned ? CONDITIONS[method] : [];
