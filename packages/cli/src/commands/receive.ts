// `receive`: a small HTTP server for trying out callbacks. It prints each request and answers it, on request with
// failures first.

import { isUtf8 } from 'node:buffer';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseDuration } from '@task-center/engine';
import { withoutUrlSecrets } from '@task-center/model';
import { InvalidArgumentError, type Command } from 'commander';
import { CliError } from '../errors.ts';
import type { Io } from '../io.ts';
import { oneLine, painter, plain, type Paint } from '../output.ts';

/** The flags, parsed. */
interface ReceiveOptions {
  readonly port: number;
  readonly host: string;
  /** Failures of each delivery before its success. */
  readonly fail: number;
  /** Status of a failure. */
  readonly status: number;
  /** Wait before each answer, ms. */
  readonly delay: number;
}

/** Part of a body that is printed. */
const MAX_SHOWN_BYTES = 8_192;
/** Deliveries whose failures are counted. The oldest ones are dropped beyond that. */
const MAX_COUNTED = 10_000;
/** Headers that are printed: those about the task. The others are what every HTTP client sends. */
const SHOWN_HEADERS = /^(?:webhook-|task-center-|traceparent$|idempotency-key$|content-type$)/;

/** Decides the status of each answer: for each delivery first `fail` failures, then 200. */
function createStatusOf({ fail, status }: Pick<ReceiveOptions, 'fail' | 'status'>): (id: string) => number {
  const failures = new Map<string, number>();
  return (id) => {
    const failed = failures.get(id) ?? 0;
    if (failed >= fail) return 200;
    failures.delete(id);
    failures.set(id, failed + 1);
    const [oldest] = failures.keys();
    if (failures.size > MAX_COUNTED && oldest !== undefined) failures.delete(oldest);
    return status;
  };
}

/** The first line of a request's output. */
function requestLine({ method = '', url = '' }: IncomingMessage, status: number, paint: Paint): string {
  const time = new Date().toISOString().slice(11, 23);
  const answerText = paint(status < 300 ? 'green' : 'red', String(status));
  return `${paint('dim', time)}  ${paint('bold', `${method} ${oneLine(withoutUrlSecrets(url))}`)}  answers ${answerText}`;
}

/** The start of a body. Bytes that are no text are marked, and shown in base64. */
function bodyText(body: Buffer): string {
  const start = body.subarray(0, MAX_SHOWN_BYTES);
  return isUtf8(body) ? plain(start.toString()) : `not UTF-8, in base64: ${start.toString('base64')}`;
}

/** A request as it is printed: its first line, the headers that concern a task, and the start of its body. */
function requestText(request: IncomingMessage, body: Buffer, firstLine: string): string {
  const headers = Object.entries(request.headers)
    .filter(([name]) => SHOWN_HEADERS.test(name))
    .map(([name, value]) => `  ${name}: ${oneLine(String(value))}`);
  const text = bodyText(body);
  const cutNote = body.length > MAX_SHOWN_BYTES ? [`  … ${body.length} bytes in total`] : [];
  const lines = text === '' ? [] : ['', ...text.split('\n').map((line) => `  ${line}`)];
  return [firstLine, ...headers, ...lines, ...cutNote, ''].join('\n');
}

/** Resolves to the URL that the server listens on. @throws CliError when the port cannot be used */
function listen(server: Server, { port, host }: ReceiveOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) => {
      const why = code === 'EADDRINUSE' ? 'it is in use' : (code ?? 'unknown reason');
      reject(new CliError(`Cannot listen on ${host}:${port}: ${why}. Choose another one with --port.`));
    });
    server.listen(port, host, () => {
      const address = host.includes(':') ? `[${host}]` : host;
      resolve(`http://${address}:${(server.address() as AddressInfo).port}/`);
    });
  });
}

/** Runs the server until a signal ends it. Connections that are still open are closed then. */
async function receive(options: ReceiveOptions, io: Io): Promise<void> {
  const paint = painter(io.colours.out);
  const statusOf = createStatusOf(options);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    // All attempts of a delivery have the same `webhook-id`. Other requests are told apart by their URL.
    const status = statusOf(String(request.headers['webhook-id'] ?? request.url));
    io.out(requestText(request, body, requestLine(request, status, paint)));
    if (options.delay > 0) await sleep(options.delay);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(status < 300 ? '{"received":true}' : '{"received":false}');
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  const url = await listen(server, options);
  const failures =
    options.fail > 0 ? `; each task fails ${options.fail} times with ${options.status} first` : '';
  io.out(`Waiting for requests on ${url}${failures}. Ctrl-C ends it.\n`);
  await new Promise<void>((resolve) => {
    const unsubscribe = io.onSignal(['SIGINT', 'SIGTERM', 'SIGHUP'], () => {
      unsubscribe();
      server.close(() => resolve());
      server.closeAllConnections();
    });
  });
}

/** A parser for Commander: a whole number from `min` to `max`. */
function wholeNumberOption(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : -1;
    if (number >= min && number <= max) return number;
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
  };
}

/** A parser for Commander: a duration, or a bare 0; in ms. */
function durationOption(text: string): number {
  const ms = text === '0' ? 0 : parseDuration(text);
  if (ms === null) throw new InvalidArgumentError('Expected a duration such as 250ms or 2s.');
  return ms;
}

const EXAMPLE = `
Example (each task fails twice, then succeeds):
  task-center receive --fail 2`;

/** Adds `receive`. It listens on loopback unless told otherwise, because it answers anyone. */
export function addReceive(program: Command, io: Io): void {
  program
    .command('receive')
    .description('receive callbacks, to try them out: prints each request and answers it')
    .option('--port <port>', 'port to listen on; 0 = any free port', wholeNumberOption(0, 65_535), 9_000)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--fail <count>', 'failures of each task before it succeeds', wholeNumberOption(0, 1_000_000), 0)
    .option('--status <status>', 'status of a failure', wholeNumberOption(300, 599), 503)
    .option('--delay <duration>', 'time before each answer, such as 250ms', durationOption, 0)
    .addHelpText('after', EXAMPLE)
    .action((options: ReceiveOptions) => receive(options, io));
}
