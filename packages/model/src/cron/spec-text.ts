const EVERY = '@every ';
const SPEC_BY_NAME: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

/** The parts of a cron text. */
export interface SpecText {
  /** Of the prefix `TZ=Europe/Berlin `. */
  readonly zoneName: string | undefined;
  /** What follows `@every `; null = it is no interval. */
  readonly interval: string | null;
  /** The fields, also of a name such as `@daily`, or what stands in their place. */
  readonly fields: string;
  /** Whether the fields are those of a name, in the dialect of Go. */
  readonly isNamed: boolean;
}

export function splitSpec(spec: string): SpecText {
  const [, zoneName, unprefixed = spec] = /^(?:CRON_)?TZ=(\S+)\s+(.*)$/.exec(spec) ?? [];
  const text = unprefixed.trim();
  const named = Object.hasOwn(SPEC_BY_NAME, text) ? SPEC_BY_NAME[text] : undefined;
  return {
    zoneName,
    interval: text.startsWith(EVERY) ? text.slice(EVERY.length) : null,
    fields: named ?? text,
    isNamed: named !== undefined,
  };
}
