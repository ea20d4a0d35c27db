/** What the service is started with, and how a wrong configuration is reported. */
import type { AllowableFinding } from '@task-center/engine';
import type { UrlRules } from '../callbacks/url-rules.ts';

/**
 * What a process does. `api` serves HTTP, `worker` delivers callbacks, `scheduler` runs the maintenance of callback queues. One
 * process may have all roles.
 */
export const SERVICE_ROLES = ['api', 'worker', 'scheduler'] as const;
export type ServiceRole = (typeof SERVICE_ROLES)[number];

/** From everything to nothing. Each level also logs what the levels after it log. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * The configuration: checked, complete, frozen. A new key also needs an entry in `settings.ts` and a line in
 * `configOf` (`load.ts`).
 */
export interface Config {
  /** URL of the broker. */
  readonly broker: string;
  /** Findings about the broker with which it is used all the same. */
  readonly brokerAllow: readonly AllowableFinding[];
  /** Folder of the files that the service writes: the SQLite file and the first key, unless other keys place them elsewhere. */
  readonly dataDir: string;
  readonly roles: readonly ServiceRole[];
  readonly http: {
    readonly host: string;
    /** 0 = any free port. */
    readonly port: number;
    /** Requests processed at once. */
    readonly maxRequests: number;
    /** Connections at once. The limit of open files may lower it: `http/wire/open-files.ts`. */
    readonly maxConnections: number;
  };
  /** The listener for health alone; null = there is none. */
  readonly health: { readonly host: string; readonly port: number } | null;
  /** Base of links that others use, without a slash at the end; null = none. */
  readonly publicUrl: string | null;
  /** `concurrency`: handlers at once, per worker. `maxStallMs`: longest stall of the main loop. */
  readonly worker: { readonly concurrency: number; readonly maxStallMs: number };
  /** `mode` and `allow`: rules for callback URLs. `concurrency`: callbacks delivered at once. */
  readonly callbacks: UrlRules & { readonly concurrency: number };
  /** `queues`: most logical queues that submissions over HTTP may make. */
  readonly limits: { readonly queues: number };
  /** `maxBytes`: what the history may take in the broker. */
  readonly history: { readonly maxBytes: number };
  /** Schedules as they were given; `namedSchedule` accepts each. */
  readonly schedules: readonly unknown[];
  /** File of the first API key. Default: `<data_dir>/admin.key`. */
  readonly keyFile: string;
  /** `open`: whether the metrics need no key. */
  readonly metrics: { readonly open: boolean };
  readonly log: { readonly level: LogLevel };
  readonly shutdown: ShutdownTimes;
  /** The same by setting, checked and with defaults, as they were given: what two configurations are compared by. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** How long a stop may take, ms. */
export interface ShutdownTimes {
  /** All of it. */
  readonly timeoutMs: number;
  /** Its first part, in which `/readyz` says 503 while all else is served. */
  readonly unreadyMs: number;
}

/** One fault of the configuration. */
export interface ConfigProblem {
  /** Key, such as `http.port`; inside a list `callbacks.allow[0].cidr`; empty = the file as a whole. */
  readonly path: string;
  /** Where it was set: a variable's name, `the configuration file` or `a flag`. */
  readonly source: string;
  readonly found: string;
  readonly expected: string;
}

/** A problem as one line of text. */
export function problemText({ path, source, found, expected }: ConfigProblem): string {
  const location = path === '' ? source : `${path} (${source})`;
  return `${location}: found ${found}; expected ${expected}`;
}

/** The service cannot start with this configuration or on this machine. The message says what to change. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(message: string, problems: readonly ConfigProblem[] = [], options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}
