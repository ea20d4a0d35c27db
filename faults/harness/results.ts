import type { Verdict } from './checker.ts';
import type { Deployment } from './bed.ts';

/** The result of one experiment on one deployment. */
export interface Result {
  readonly id: string;
  readonly title: string;
  readonly deployment: Deployment;
  readonly tier: 1 | 2;
  readonly seed: number;
  /** It ran with all repeats, not with few. */
  readonly full: boolean;
  readonly passed: boolean;
  readonly durationMs: number;
  /** Why it failed. */
  readonly error?: string;
  /** Null = it failed before it was judged. */
  readonly verdict: Verdict | null;
  /** Further figures of this experiment. */
  readonly facts: Readonly<Record<string, number | string>>;
}

declare module 'vitest' {
  interface TaskMeta {
    /** The result of an experiment. */
    faults?: Result;
  }
}
