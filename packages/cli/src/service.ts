// The service as commands reach it over HTTP: its URL, the API key, and errors that say what to do.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createApiClient, parseApiKey, type ApiClient } from '@task-center/api';
import { withoutUrlSecrets } from '@task-center/model';
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import type { Io } from './io.ts';
import { plain } from './output.ts';

/** Where commands look for the service and for its key by default. The service has the same defaults. */
export const DEFAULT_URL = 'http://127.0.0.1:7420';
const DEFAULT_DATA_DIR = './data';
const KEY_FILE = 'admin.key';
export const DEFAULT_KEY_FILE = `${DEFAULT_DATA_DIR}/${KEY_FILE}`;
const ANSWER_TIMEOUT_MS = 30_000;

/** Options of every command that calls the service. */
export interface ServiceOptions {
  readonly url?: string;
  readonly keyFile?: string;
}

/** A service that is called over HTTP. */
export interface Service {
  readonly api: ApiClient;
  /** Whether calls are made with a key. */
  readonly hasKey: boolean;
  /** The text of the last answer, with every digit of its numbers. Characters that could control a terminal are escaped. */
  lastAnswer(): string;
}

/** Adds the options that `openService` reads. */
export function addServiceOptions(command: Command): Command {
  return command
    .option('--url <url>', `the service (else TASKCENTER_URL, else ${DEFAULT_URL})`)
    .option('--key-file <path>', `file with the API key (else TASKCENTER_KEY_FILE, else <data>/${KEY_FILE})`);
}

/** Why a key file cannot be read, and what to do. */
function keyFileError(path: string, error: unknown): CliError {
  const { code = 'unknown reason' } = error as NodeJS.ErrnoException;
  const name = 'name another file with --key-file or TASKCENTER_KEY_FILE';
  const text =
    code === 'ENOENT'
      ? `There is no API key: ${path} does not exist. Start the service here first (npm start), or ${name}.`
      : `The API key in ${path} cannot be read${code === 'EACCES' ? ' by this user' : ` (${code})`}. Read it as its owner, or ${name}.`;
  return new CliError(text, 1, { cause: error });
}

/** A key, and the file that has it. */
interface FoundKey {
  readonly key: string;
  readonly path: string;
}

/** @throws CliError when there is no file with a key. Text that is no key is never sent to the service. */
function readKey({ keyFile }: ServiceOptions, env: Io['env']): FoundKey {
  const dataDir = env['TASKCENTER_DATA_DIR'] || DEFAULT_DATA_DIR;
  const path = resolve(keyFile ?? (env['TASKCENTER_KEY_FILE'] || join(dataDir, KEY_FILE)));
  let key: string;
  try {
    key = readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw keyFileError(path, error);
  }
  if (parseApiKey(key) !== null) return { key, path };
  throw new CliError(
    `The file ${path} does not hold an API key (tc_…), or the key is mistyped. Correct it, or name another file with --key-file or TASKCENTER_KEY_FILE.`,
  );
}

/** The same; null = no file was named, and there is none at the usual place. */
function readKeyIfAny(options: ServiceOptions, env: Io['env']): FoundKey | null {
  try {
    return readKey(options, env);
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
    const isNamed = options.keyFile !== undefined || Boolean(env['TASKCENTER_KEY_FILE']);
    if (code === 'ENOENT' && !isNamed) return null;
    throw error;
  }
}

/** The error of a call that got no answer. */
function unreachableError(given: string, error: unknown): CliError {
  const url = withoutUrlSecrets(given);
  const { cause, name } = error as { cause?: { code?: string; message?: string }; name?: string };
  const fault =
    name === 'TimeoutError'
      ? `${url} does not answer.`
      : `${url} cannot be reached (${cause?.code ?? cause?.message ?? 'unknown reason'}).`;
  return new CliError(
    `${fault} Start the service (npm start), or name another one with --url or TASKCENTER_URL.`,
    1,
    { cause: error },
  );
}

export interface CallLimits {
  /** How long an answer may take, ms; null = as long as it takes. Default 30 s. */
  readonly timeoutMs?: number | null;
  /** Whether to call without a key where the default file does not exist. Default: that is an error. */
  readonly isKeyOptional?: boolean;
}

/** Whether an answer is text, which is read at once. The caller reads other content itself. */
const isText = (headers: Headers): boolean =>
  /^text\/|json/.test(headers.get('content-type') ?? 'text/plain');

/** Every answer of Task Center has this header. A problem without it is from a proxy before the service. */
const isOurs = ({ headers }: Response): boolean =>
  headers.has('task-center-version') ||
  (headers.get('content-type') ?? '').startsWith('application/problem+json');

function foreignError(url: string, { status }: Response): CliError {
  return new CliError(
    `Another program, not Task Center, answers at ${url} (status ${status}). Name the service with --url or TASKCENTER_URL.`,
  );
}

/** Names the file of a key that the service does not know: it may be the key of another installation. */
const refusedKeyError = (url: string, { path }: FoundKey): CliError =>
  new CliError(
    `The service at ${url} does not accept the API key in ${path}. It may belong to another service, or be revoked: name ` +
      'another file with --key-file or TASKCENTER_KEY_FILE.',
  );

/**
 * Finds the URL and the key, and creates a client. No call is made yet.
 *
 * @throws CliError when the URL is not valid or there is no key
 */
export function openService(
  options: ServiceOptions,
  env: Io['env'],
  { timeoutMs = ANSWER_TIMEOUT_MS, isKeyOptional = false }: CallLimits = {},
): Service {
  const baseUrl = options.url ?? (env['TASKCENTER_URL'] || DEFAULT_URL);
  if (!/^https?:\/\//.test(baseUrl) || !URL.canParse(baseUrl))
    throw new CliError(
      `"${withoutUrlSecrets(baseUrl)}" is not the URL of a service. Expected a URL such as ${DEFAULT_URL}.`,
      2,
    );
  const found = isKeyOptional ? readKeyIfAny(options, env) : readKey(options, env);
  let answer = '';

  const send: typeof fetch = async (input, init) => {
    try {
      const limit = timeoutMs === null ? {} : { signal: AbortSignal.timeout(timeoutMs) };
      const response = await fetch(input, { ...init, ...limit });
      if (!isOurs(response)) throw foreignError(baseUrl, response);
      if (response.status === 401 && found !== null) throw refusedKeyError(baseUrl, found);
      if (!isText(response.headers)) return response;
      answer = await response.text();
      const { status, headers } = response;
      return new Response(answer === '' ? null : answer, { status, headers });
    } catch (error) {
      throw error instanceof CliError ? error : unreachableError(baseUrl, error);
    }
  };
  return {
    hasKey: found !== null,
    api: createApiClient({ baseUrl, ...(found !== null && { key: found.key }), fetch: send }),
    lastAnswer: () => plain(answer),
  };
}
