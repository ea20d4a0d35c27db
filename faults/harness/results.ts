import type { Verdict } from './checker.ts';
import type { Deployment } from './bed.ts';

/** What a run of an experiment on one deployment reports. */
export interface Result {
  readonly id: string;
  readonly title: string;
  readonly deployment: Deployment;
  readonly tier: 1 | 2;
  readonly seed: number;
  /** Whether it repeated as often as the full run asks. */
  readonly full: boolean;
  readonly passed: boolean;
  readonly durationMs: number;
  /** Why it failed. */
  readonly error?: string;
  /** Null = it failed before its end. */
  readonly verdict: Verdict | null;
  /** What it measured besides. */
  readonly facts: Readonly<Record<string, number | string>>;
}

declare module 'vitest' {
  interface TaskMeta {
    /** Of an experiment: how it went. */
    faults?: Result;
  }
}
