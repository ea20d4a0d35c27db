/**
 * Merges defaults, file, environment and flags into one checked configuration. Pure: reads no file and no environment
 * itself.
 */
import type * as z from 'zod';
import { formatDuration, parseDuration } from '@task-center/model';
import type { AllowableFinding } from '@task-center/engine';
import type { UrlRules } from '../callbacks/url-rules.ts';
import type { Config, ConfigProblem, LogLevel, ServiceRole } from './config.ts';
import { display, isPath, readText, unknownKey, type Given, type GivenByPath, type Walk } from './given.ts';
import { readEnvironment } from './read-environment.ts';
import { readFile } from './read-file.ts';
import { bytesOf } from './setting-values.ts';
import { settingAt, settingPaths, settings, type SettingPath } from './settings.ts';

const FLAG = 'a flag';

/** Sources of a configuration. Later ones override earlier ones: defaults, file, environment, flags. */
export interface ConfigInput {
  /** Text of the configuration file; null or left out = no file. */
  readonly yaml?: string | null;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** By path, such as `{ 'http.port': '8080' }`. Texts are read like those of variables. */
  readonly flags?: Readonly<Record<string, unknown>>;
}

/** A frozen configuration, or everything that is wrong. */
export type LoadedConfig =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[]; readonly warnings: readonly string[] };

/** Reads the flags that were given; undefined = not given. */
function readFlags(flags: NonNullable<ConfigInput['flags']>, into: Walk): void {
  for (const [path, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    if (!isPath(path)) into.problems.push(unknownKey(path, FLAG));
    else {
      const read = typeof value === 'string' ? readText(value, settings[path].form) : value;
      into.given.set(path, { value: read, source: FLAG });
    }
  }
}

/** The path below a key, such as `[0].cidr`. */
const pathSuffix = (path: readonly PropertyKey[]) =>
  path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');

/** Converts Zod's issues about one value to problems. Each names the part of the value that is wrong. */
function problemsOf(
  path: SettingPath,
  { value, source }: Given,
  issues: z.core.$ZodIssue[],
): ConfigProblem[] {
  const { expected } = settings[path];
  return issues.map((issue) => {
    if (issue.path.length === 0 && issue.code !== 'custom')
      return { path, source, found: display(value), expected };
    const at = issue.path.reduce<unknown>((holder, step) => (holder as never)?.[step], value);
    const text = issue.code === 'unrecognized_keys' ? `no key ${issue.keys.join(', ')}` : issue.message;
    // Zod's own messages begin with "Invalid"; ours say what is expected.
    const isGeneric = issue.message.startsWith('Invalid') && issue.code !== 'unrecognized_keys';
    return {
      path: path + pathSuffix(issue.path),
      source,
      found: display(at),
      expected: isGeneric ? expected : text,
    };
  });
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/i;
/** Whether a host to listen on can be reached from this machine only. */
export const isLoopback = (host: string): boolean => LOOPBACK.test(host);

/** What was set, and where. */
interface Sources {
  readonly given: GivenByPath;
  /** Whether the file sets any key, even one that a variable or a flag overrides. */
  readonly fileSets: boolean;
}

/** Mode `try`: the file sets nothing, only harmless keys are set elsewhere, and only this machine can connect. */
function isTryMode({ given, fileSets }: Sources, host: string): boolean {
  const harmless = [...given.keys()].every((path) => settingAt(path).harmless);
  return !fileSets && harmless && isLoopback(host);
}

/** Freezes a value and everything in it, because all parts of the service share it. */
function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}

/** The ms of a duration that its schema has accepted. */
const durationMs = (text: unknown) => parseDuration(text as string) as number;

/** The listener for health: on the address of HTTP, unless it has one of its own. */
function healthOf(values: Record<SettingPath, unknown>): Config['health'] {
  const port = values['health.port'] as number | null;
  const host = (values['health.host'] ?? values['http.host']) as string;
  return port === null ? null : { host, port };
}

/** Builds the configuration from checked values. Some defaults depend on other keys: `key_file` on `data_dir`. */
function configOf(values: Record<SettingPath, unknown>, sources: Sources): Config {
  const dataDir = values.data_dir as string;
  const host = values['http.host'] as string;
  const folder = dataDir.replace(/(.)\/+$/, '$1');
  return deepFreeze({
    broker: (values.broker as string | null) ?? `sqlite:${folder}/tasks.db`,
    brokerAllow: [...(values.broker_allow as AllowableFinding[])],
    dataDir,
    roles: [...(values.roles as ServiceRole[])],
    http: {
      host,
      port: values['http.port'] as number,
      maxRequests: values['http.max_requests'] as number,
      maxConnections: values['http.max_connections'] as number,
    },
    health: healthOf(values),
    publicUrl: (values.public_url as string | null)?.replace(/\/+$/, '') ?? null,
    worker: {
      concurrency: values['worker.concurrency'] as number,
      maxStallMs: durationMs(values['worker.max_stall']),
    },
    callbacks: {
      mode: [host, healthOf(values)?.host ?? host].every((one) => isTryMode(sources, one))
        ? ('try' as const)
        : ('service' as const),
      allow: structuredClone(values['callbacks.allow']) as UrlRules['allow'],
      concurrency: values['callbacks.concurrency'] as number,
    },
    limits: { queues: values['limits.queues'] as number },
    history: { maxBytes: bytesOf(values['history.max_bytes'] as string) as number },
    schedules: structuredClone(values.schedules) as unknown[],
    keyFile: (values.key_file as string | null) ?? `${folder}/admin.key`,
    metrics: { open: values['metrics.open'] as boolean },
    log: { level: values['log.level'] as LogLevel },
    shutdown: {
      timeoutMs: durationMs(values['shutdown.timeout']),
      unreadyMs: durationMs(values['shutdown.unready']),
    },
    settings: structuredClone(values),
  });
}

/** A port is open once. The first one that is bound would win, and the error name the wrong key. */
function portProblems(values: Record<SettingPath, unknown>, given: GivenByPath): ConfigProblem[] {
  const path = 'health.port';
  const { value, source } = given.get(path) ?? {};
  const isSame = values[path] !== 0 && values[path] === values['http.port'];
  if (source === undefined || !isSame || !(values.roles as ServiceRole[]).includes('api')) return [];
  return [{ path, source, found: display(value), expected: 'another port than http.port' }];
}

function shutdownProblems(values: Record<SettingPath, unknown>, given: GivenByPath): ConfigProblem[] {
  const path = 'shutdown.unready';
  const { value, source } = given.get(path) ?? {};
  const limitMs = durationMs(values['shutdown.timeout']);
  if (source === undefined || durationMs(values[path]) < limitMs) return [];
  const expected = `less than shutdown.timeout (${formatDuration(limitMs)}), which it is a part of`;
  return [{ path, source, found: display(value), expected }];
}

/** Rules over several keys. */
const problemsBetween = (values: Record<SettingPath, unknown>, given: GivenByPath): ConfigProblem[] => [
  ...portProblems(values, given),
  ...shutdownProblems(values, given),
];

/** Loads the configuration: complete, or with all problems at once. */
export function loadConfig({ yaml = null, env = {}, flags = {} }: ConfigInput): LoadedConfig {
  const given: GivenByPath = new Map();
  const problems: ConfigProblem[] = [];
  if (yaml !== null) readFile(yaml, { given, problems });
  const fileSets = given.size > 0;
  const warnings = readEnvironment(env, given);
  readFlags(flags, { given, problems });
  const values = {} as Record<SettingPath, unknown>;
  for (const path of settingPaths) {
    const setting = given.get(path);
    const checked = setting && settings[path].schema.safeParse(setting.value);
    if (setting && checked?.success === false)
      problems.push(...problemsOf(path, setting, checked.error.issues));
    values[path] = checked?.success ? checked.data : settings[path].fallback;
  }
  if (problems.length === 0) problems.push(...problemsBetween(values, given));
  if (problems.length > 0) return { ok: false, problems, warnings };
  return { ok: true, config: configOf(values, { given, fileSets }), warnings };
}
