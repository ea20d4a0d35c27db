import type { UrlRules } from '../callbacks/url-rules.ts';

export const SERVICE_ROLES = ['api', 'worker', 'scheduler'] as const;
export type ServiceRole = (typeof SERVICE_ROLES)[number];

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What the service is started with: checked, complete, frozen. */
export interface Config {
  /** URL of the broker. */
  readonly broker: string;
  readonly dataDir: string;
  readonly roles: readonly ServiceRole[];
  readonly http: {
    readonly host: string;
    /** 0 = any free one. */
    readonly port: number;
    /** Requests worked on at once. */
    readonly maxRequests: number;
  };
  /** Base of links that others use, without a slash at the end; null = none. */
  readonly publicUrl: string | null;
  /** `concurrency`: handlers at once, per worker; `maxStallMs`: so long may the main loop hang. */
  readonly worker: { readonly concurrency: number; readonly maxStallMs: number };
  /** `mode` and `allow` are the rules for URLs; `concurrency`: callbacks at once. */
  readonly callbacks: UrlRules & { readonly concurrency: number };
  /** Where the first key is kept; `<data_dir>/admin.key` unless set. */
  readonly keyFile: string;
  readonly log: { readonly level: LogLevel };
}

/** One thing that is wrong with the configuration. */
export interface ConfigProblem {
  /** Key, such as `http.port`; of an entry `callbacks.allow[0].cidr`. */
  readonly path: string;
  /** Where it was set: a variable, `the configuration file`, `a flag`. */
  readonly source: string;
  readonly found: string;
  readonly expected: string;
}

/** A problem as a line. */
export function problemText({ path, source, found, expected }: ConfigProblem): string {
  const place = path === '' ? source : `${path} (${source})`;
  return `${place}: found ${found}; expected ${expected}`;
}

/** The service cannot start as it is configured, or on this machine: says what, where and what to do. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(message: string, problems: readonly ConfigProblem[] = [], options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}
