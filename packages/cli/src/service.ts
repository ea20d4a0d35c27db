// The service as commands reach it over HTTP: its URL, the API key, and errors that say what to do.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createApiClient, type ApiClient } from '@task-center/api';
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import type { Io } from './io.ts';

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
  /** The text of the last answer, with every digit of its numbers. */
  lastAnswer(): string;
}

/** Adds the options that `openService` reads. */
export function addServiceOptions(command: Command): Command {
  return command
    .option('--url <url>', `the service (else TASKCENTER_URL, else ${DEFAULT_URL})`)
    .option('--key-file <path>', `file with the API key (else TASKCENTER_KEY_FILE, else <data>/${KEY_FILE})`);
}

/** @throws CliError when no file with a key is found */
function readKey({ keyFile }: ServiceOptions, env: Io['env']): string {
  const dataDir = env['TASKCENTER_DATA_DIR'] || DEFAULT_DATA_DIR;
  const path = keyFile ?? (env['TASKCENTER_KEY_FILE'] || join(dataDir, KEY_FILE));
  let key: string;
  try {
    key = readFileSync(path, 'utf8').trim();
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : 'cannot be read';
    throw new CliError(
      `There is no API key: ${resolve(path)} ${reason}. Start the service here first (npm start), or name the ` +
        'file with --key-file or TASKCENTER_KEY_FILE.',
      1,
      { cause: error },
    );
  }
  // A header can carry only one word of visible characters. Whether the key is valid is for the service to say.
  if (/^[\u0021-\u007e]+$/.test(key)) return key;
  throw new CliError(
    `The file ${resolve(path)} does not hold an API key. Name another one with --key-file or TASKCENTER_KEY_FILE.`,
  );
}

/** The error of a call that got no answer. */
function unreachableError(url: string, error: unknown): CliError {
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
}

/** Whether an answer is text, which is read at once. Other content is left to the caller. */
const isText = (headers: Headers): boolean =>
  /^text\/|json/.test(headers.get('content-type') ?? 'text/plain');

/**
 * Finds the URL and the key, and creates a client. No call is made yet.
 *
 * @throws CliError when the URL is not valid or there is no key
 */
export function openService(
  options: ServiceOptions,
  env: Io['env'],
  { timeoutMs = ANSWER_TIMEOUT_MS }: CallLimits = {},
): Service {
  const baseUrl = options.url ?? (env['TASKCENTER_URL'] || DEFAULT_URL);
  if (!/^https?:\/\//.test(baseUrl) || !URL.canParse(baseUrl))
    throw new CliError(`"${baseUrl}" is not the URL of a service. Expected a URL such as ${DEFAULT_URL}.`, 2);
  let answer = '';

  const send: typeof fetch = async (input, init) => {
    try {
      const limit = timeoutMs === null ? {} : { signal: AbortSignal.timeout(timeoutMs) };
      const response = await fetch(input, { ...init, ...limit });
      if (!isText(response.headers)) return response;
      answer = await response.text();
      const { status, headers } = response;
      return new Response(answer === '' ? null : answer, { status, headers });
    } catch (error) {
      throw unreachableError(baseUrl, error);
    }
  };
  return {
    api: createApiClient({ baseUrl, key: readKey(options, env), fetch: send }),
    lastAnswer: () => answer,
  };
}
