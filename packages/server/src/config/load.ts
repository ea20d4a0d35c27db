import { LineCounter, parseDocument } from 'yaml';
import type * as z from 'zod';
import { didYouMean, spanMs } from '@task-center/api';
import type { UrlRules } from '../callbacks/url-rules.ts';
import type { Config, ConfigProblem, LogLevel, ServiceRole } from './config.ts';
import { settingAt, settingPaths, settings, variableOf, type Setting, type SettingPath } from './settings.ts';

/** Where a configuration comes from; later ones win: defaults, file, environment, flags. */
export interface ConfigInput {
  /** Text of the configuration file; null or left out = there is none. */
  readonly yaml?: string | null;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** By path, such as `{ 'http.port': '8080' }`; texts are read as a variable's. */
  readonly flags?: Readonly<Record<string, unknown>>;
}

/** A frozen configuration, or all that is wrong. */
export type LoadedConfig =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[]; readonly warnings: readonly string[] };

interface Given {
  readonly value: unknown;
  readonly source: string;
}
type GivenByPath = Map<SettingPath, Given>;

const FILE = 'the configuration file';
const FLAG = 'a flag';
/** Variables of the command line, which are no keys of the service. */
const OTHER_VARIABLES = ['TASKCENTER_URL', 'TASKCENTER_CONFIG'];

const isPath = (name: string): name is SettingPath => Object.hasOwn(settings, name);
const isGroup = (name: string) => settingPaths.some((path) => path.startsWith(`${name}.`));

/** A value as a problem shows it: passwords of URLs hidden, cut. */
function found(value: unknown): string {
  const text = (JSON.stringify(value) ?? 'nothing').replace(/(:\/\/[^:@/"]*):[^"]*@/g, '$1:***@');
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function unknownKey(path: string): ConfigProblem {
  const near = didYouMean(path, settingPaths);
  const expected = near === null ? `one of ${settingPaths.join(', ')}` : `a known key; did you mean ${near}?`;
  return { path, source: FILE, found: 'an unknown key', expected };
}

interface Walk {
  readonly given: GivenByPath;
  readonly problems: ConfigProblem[];
}

/** Takes the file's values by path; a key without a value (`http:` alone) sets nothing. */
function walk(value: unknown, prefix: string, into: Walk): void {
  for (const [key, member] of Object.entries(value as Record<string, unknown>)) {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    if (isPath(path)) {
      if (member !== null) into.given.set(path, { value: member, source: FILE });
    } else if (!isGroup(path)) into.problems.push(unknownKey(path));
    else if (typeof member === 'object' && !Array.isArray(member)) walk(member ?? {}, path, into);
    else into.problems.push({ path, source: FILE, found: found(member), expected: 'keys below it' });
  }
}

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
  else into.problems.push({ path: '', source: FILE, found: found(value), expected: 'keys with values' });
}

/** What a text stands for; a text that does not fit stays a text, so that the schema refuses it. */
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
      [...variables.keys()].map((one) => one.toLowerCase()),
    );
    warnings.push(`${name} is not a known variable${near ? `; did you mean ${near.toUpperCase()}?` : ''}`);
  }
  return warnings;
}

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

const steps = (path: readonly PropertyKey[]) =>
  path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');

function problemsOf(
  path: SettingPath,
  { value, source }: Given,
  issues: z.core.$ZodIssue[],
): ConfigProblem[] {
  const { expected } = settings[path];
  return issues.map((issue) => {
    if (issue.path.length === 0 && issue.code !== 'custom')
      return { path, source, found: found(value), expected };
    const at = issue.path.reduce<unknown>((holder, step) => (holder as never)?.[step], value);
    const words = issue.code === 'unrecognized_keys' ? `no key ${issue.keys.join(', ')}` : issue.message;
    const own = issue.message.startsWith('Invalid') && issue.code !== 'unrecognized_keys';
    return { path: path + steps(issue.path), source, found: found(at), expected: own ? expected : words };
  });
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/i;
/** Whether a host to listen on is reached from this machine only. */
export const isLoopback = (host: string): boolean => LOOPBACK.test(host);

/** Mode `try`: nothing is configured but what is harmless, and nobody else can reach it (api section 5). */
function isTry(given: GivenByPath, host: string): boolean {
  const harmless = [...given].every(([path, { source }]) => source !== FILE && settingAt(path).harmless);
  return harmless && isLoopback(host);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}

function configOf(values: Record<SettingPath, unknown>, given: GivenByPath): Config {
  const dataDir = values.data_dir as string;
  const host = values['http.host'] as string;
  const folder = dataDir.replace(/(.)\/+$/, '$1');
  return deepFreeze({
    broker: (values.broker as string | null) ?? `sqlite:${folder}/tasks.db`,
    dataDir,
    roles: [...(values.roles as ServiceRole[])],
    http: { host, port: values['http.port'] as number, maxRequests: values['http.max_requests'] as number },
    publicUrl: (values.public_url as string | null)?.replace(/\/+$/, '') ?? null,
    worker: {
      concurrency: values['worker.concurrency'] as number,
      maxStallMs: spanMs(values['worker.max_stall'] as string) as number,
    },
    callbacks: {
      mode: isTry(given, host) ? ('try' as const) : ('service' as const),
      allow: structuredClone(values['callbacks.allow']) as UrlRules['allow'],
      concurrency: values['callbacks.concurrency'] as number,
    },
    keyFile: (values.key_file as string | null) ?? `${folder}/admin.key`,
    log: { level: values['log.level'] as LogLevel },
  });
}

/** The configuration from its sources: all of it, or all problems at once. Pure. */
export function loadConfig({ yaml = null, env = {}, flags = {} }: ConfigInput): LoadedConfig {
  const given: GivenByPath = new Map();
  const problems: ConfigProblem[] = [];
  if (yaml !== null) readFile(yaml, { given, problems });
  const warnings = readEnvironment(env, given);
  readFlags(flags, { given, problems });
  const values = {} as Record<SettingPath, unknown>;
  for (const path of settingPaths) {
    const one = given.get(path);
    const checked = one && settings[path].schema.safeParse(one.value);
    if (one && checked?.success === false) problems.push(...problemsOf(path, one, checked.error.issues));
    values[path] = checked?.success ? checked.data : settings[path].fallback;
  }
  if (problems.length > 0) return { ok: false, problems, warnings };
  return { ok: true, config: configOf(values, given), warnings };
}
