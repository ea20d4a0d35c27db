/** What may be wrong with a broker as a place for tasks. The codes are stable; operators write them into `broker_allow`. */
export const FINDING_CODES = [
  'eviction',
  'read_only',
  'replica',
  'rights',
  'persistence',
  'certificate',
  'file_owner',
  'file_log',
  'file_identity',
  'network_file_system',
] as const;
export type FindingCode = (typeof FINDING_CODES)[number];

/** The findings that void the promises, and that an operator may accept all the same: then they are only reported. */
export const ALLOWABLE_FINDINGS = [
  'eviction',
  'read_only',
  'replica',
  'rights',
  'file_owner',
  'file_log',
] as const satisfies readonly FindingCode[];
export type AllowableFinding = (typeof ALLOWABLE_FINDINGS)[number];

/**
 * One thing that is wrong with a broker as a place for tasks, from when it was found until it is found no more.
 *
 * - `error`: what a broker promises does not hold: that it is durable, writable, has one owner, and has the same data
 *   tomorrow. Nothing is submitted to it while the finding lasts.
 * - `warning`: it holds for now, or the operator has accepted that it does not. It is only reported.
 */
export interface BrokerFinding {
  readonly code: FindingCode;
  readonly severity: 'error' | 'warning';
  /** What was found, in words and with its figures. */
  readonly detail: string;
  /** What to do about it. */
  readonly fix: string;
  /** Since when it has been known, wall-clock ms of this process. */
  readonly sinceMs: number;
}

/** What a broker is, as it was seen last. Null = it is unknown, or this kind of broker has no such thing. */
export interface BrokerFacts {
  readonly kind: 'redis' | 'valkey' | 'sqlite';
  readonly version: string | null;
  readonly role: 'master' | 'replica' | null;
  readonly memory: {
    readonly usedBytes: number;
    /** Null = there is no limit. */
    readonly maxBytes: number | null;
    /** What the server does when its memory is full, such as `noeviction`. */
    readonly policy: string;
    /** Keys that it removed for want of memory since this process connected. */
    readonly evictedKeys: number;
  } | null;
  readonly persistence: {
    /** Whether there is an append-only file. */
    readonly aof: boolean;
    /** When all data were last saved to disk, wall-clock ms; null = never since the server started. */
    readonly savedAtMs: number | null;
  } | null;
  /** Of the file system that the broker's file is on. Null = it has no file, or the system does not say. */
  readonly disk: { readonly freeBytes: number } | null;
}

/** Whether the broker can keep its promises, as it was seen last. Both answers come from memory and cost nothing. */
export interface Findings {
  /** All that is known to be wrong now, errors first. Empty = nothing is. */
  current(): readonly BrokerFinding[];
  facts(): BrokerFacts;
}
