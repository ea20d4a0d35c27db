/**
 * Merges defaults, file, environment and flags into one checked configuration. Pure: reads no file and no environment
 * itself.
 */
import { LineCounter, parseDocument } from 'yaml';
import type * as z from 'zod';
import { didYouMean } from '@task-center/api';
import { formatDuration, parseDuration } from '@task-center/model';
import type { AllowableFinding } from '@task-center/engine';
import type { UrlRules } from '../callbacks/url-rules.ts';
import type { Config, ConfigProblem, LogLevel, ServiceRole } from './config.ts';
import { settingAt, settingPaths, settings, variableOf, type Setting, type SettingPath } from './settings.ts';

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

/** A value that was set, not yet checked. `source` says where it was set, for problems. */
interface Given {
  readonly value: unknown;
  readonly source: string;
}
/** The values that were set, by path. A later source overrides an earlier one. */
type GivenByPath = Map<SettingPath, Given>;

const FILE = 'the configuration file';
const FLAG = 'a flag';
/** Variables of the command line; they are not keys of the service. */
const OTHER_VARIABLES = ['TASKCENTER_URL', 'TASKCENTER_CONFIG'];

const isPath = (name: string): name is SettingPath => Object.hasOwn(settings, name);
/** Whether this is the name of a group of keys, such as `http` in `http.port`. */
const isGroup = (name: string) => settingPaths.some((path) => path.startsWith(`${name}.`));

/** A value as shown in a problem: passwords in URLs hidden, at most 80 characters. */
function display(value: unknown): string {
  const text = (JSON.stringify(value) ?? 'nothing').replace(/(:\/\/[^:@/"]*):[^"]*@/g, '$1:***@');
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function unknownKey(path: string): ConfigProblem {
  const near = didYouMean(path, settingPaths);
  const expected = near === null ? `one of ${settingPaths.join(', ')}` : `a known key; did you mean ${near}?`;
  return { path, source: FILE, found: 'an unknown key', expected };
}

/** Where the readers of sources put values and problems. */
interface Walk {
  readonly given: GivenByPath;
  readonly problems: ConfigProblem[];
}

/** Collects the file's values by path. A key without a value (`http:` alone) sets nothing. */
function walk(value: unknown, prefix: string, into: Walk): void {
  for (const [key, member] of Object.entries(value as Record<string, unknown>)) {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    if (isPath(path)) {
      if (member !== null) into.given.set(path, { value: member, source: FILE });
    } else if (!isGroup(path)) into.problems.push(unknownKey(path));
    else if (typeof member === 'object' && !Array.isArray(member)) walk(member ?? {}, path, into);
    else into.problems.push({ path, source: FILE, found: display(member), expected: 'keys below it' });
  }
}

/**
 * Reads the file's text. Everything that is wrong with it becomes a problem: syntax errors, with their line, and unknown keys.
 * Aliases are refused, because with them a small file could expand without bound.
 */
function readFile(yaml: string, into: Walk): void {
  const lines = new LineCounter();
  const document = parseDocument(yaml, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  for (const { message, pos } of document.errors) {
    const source = `${FILE}, line ${lines.linePos(pos[0]).line}`;
    into.problems.push({ path: '', source, found: message, expected: 'valid YAML' });
  }
  if (document.errors.length > 0) return;
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 0 }) ?? {};
  } catch {
    into.problems.push({ path: '', source: FILE, found: 'an alias (*name)', expected: 'plain values' });
    return;
  }
  if (typeof value === 'object' && !Array.isArray(value)) walk(value, '', into);
  else into.problems.push({ path: '', source: FILE, found: display(value), expected: 'keys with values' });
}

/** The value of a text. A text that does not fit the form stays a text; then the schema refuses it. */
function readText(text: string, form: Setting['form']): unknown {
  if (form === 'number') return /^-?\d{1,15}$/.test(text.trim()) ? Number(text) : text;
  if (form === 'text') return text;
  if (form === 'words' && !text.trim().startsWith('[')) return text.split(',').map((word) => word.trim());
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * Reads the variables that begin with `TASKCENTER_`; an empty one counts as not set. An unknown one is only a warning,
 * because other programs share the environment.
 */
function readEnvironment(env: NonNullable<ConfigInput['env']>, given: GivenByPath): string[] {
  const variables = new Map(settingPaths.map((path) => [variableOf(path), path]));
  const warnings: string[] = [];
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith('TASKCENTER_') || text === undefined) continue;
    const path = variables.get(name);
    if (path !== undefined && text !== '')
      given.set(path, { value: readText(text, settings[path].form), source: name });
    if (path !== undefined || OTHER_VARIABLES.includes(name)) continue;
    const near = didYouMean(
      name.toLowerCase(),
      [...variables.keys()].map((known) => known.toLowerCase()),
    );
    warnings.push(`${name} is not a known variable${near ? `; did you mean ${near.toUpperCase()}?` : ''}`);
  }
  return warnings;
}

/** Reads the flags that were given; undefined = not given. */
function readFlags(flags: NonNullable<ConfigInput['flags']>, into: Walk): void {
  for (const [path, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    if (!isPath(path)) into.problems.push({ ...unknownKey(path), source: FLAG });
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
    publicUrl: (values.public_url as string | null)?.replace(/\/+$/, '') ?? null,
    worker: {
      concurrency: values['worker.concurrency'] as number,
      maxStallMs: durationMs(values['worker.max_stall']),
    },
    callbacks: {
      mode: isTryMode(sources, host) ? ('try' as const) : ('service' as const),
      allow: structuredClone(values['callbacks.allow']) as UrlRules['allow'],
      concurrency: values['callbacks.concurrency'] as number,
    },
    limits: { queues: values['limits.queues'] as number },
    keyFile: (values.key_file as string | null) ?? `${folder}/admin.key`,
    log: { level: values['log.level'] as LogLevel },
    shutdown: {
      timeoutMs: durationMs(values['shutdown.timeout']),
      unreadyMs: durationMs(values['shutdown.unready']),
    },
    settings: structuredClone(values),
  });
}

/** Rules over several keys. */
function problemsBetween(values: Record<SettingPath, unknown>, given: GivenByPath): ConfigProblem[] {
  const path = 'shutdown.unready';
  const { value, source } = given.get(path) ?? {};
  const limitMs = durationMs(values['shutdown.timeout']);
  if (source === undefined || durationMs(values[path]) < limitMs) return [];
  const expected = `less than shutdown.timeout (${formatDuration(limitMs)}), which it is a part of`;
  return [{ path, source, found: display(value), expected }];
}

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
