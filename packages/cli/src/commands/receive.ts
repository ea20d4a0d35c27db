import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseDuration } from '@task-center/engine';
import { InvalidArgumentError, type Command } from 'commander';
import { CliError } from '../cli-error.ts';
import type { Io } from '../io.ts';
import { oneLine, painter, plain, type Paint } from '../output.ts';

interface ReceiveOptions {
  readonly port: number;
  readonly host: string;
  readonly fail: number;
  readonly status: number;
  readonly delay: number;
}

const MAX_BODY_BYTES = 8_192;
/** Deliveries whose failures are counted; the oldest are forgotten. */
const MAX_COUNTED = 10_000;
const SHOWN = /^(?:webhook-|task-center-|traceparent$|idempotency-key$|content-type$)/;

/** Says how each request is answered: `fail` times with a failure for each delivery, then with success. */
function createVerdicts({ fail, status }: Pick<ReceiveOptions, 'fail' | 'status'>): (id: string) => number {
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

function headOf({ method = '', url = '' }: IncomingMessage, status: number, paint: Paint): string {
  const time = new Date().toISOString().slice(11, 23);
  const answer = paint(status < 300 ? 'green' : 'red', String(status));
  return `${paint('dim', time)}  ${paint('bold', `${method} ${oneLine(url)}`)}  answers ${answer}`;
}

function requestText(request: IncomingMessage, body: Buffer, head: string): string {
  const headers = Object.entries(request.headers)
    .filter(([name]) => SHOWN.test(name))
    .map(([name, value]) => `  ${name}: ${oneLine(String(value))}`);
  const text = plain(body.subarray(0, MAX_BODY_BYTES).toString());
  const rest = body.length > MAX_BODY_BYTES ? [`  … ${body.length} bytes in all`] : [];
  const lines = text === '' ? [] : ['', ...text.split('\n').map((line) => `  ${line}`)];
  return [head, ...headers, ...lines, ...rest, ''].join('\n');
}

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

async function receive(options: ReceiveOptions, io: Io): Promise<void> {
  const paint = painter(io.colours.out);
  const verdict = createVerdicts(options);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const status = verdict(String(request.headers['webhook-id'] ?? request.url));
    io.out(requestText(request, body, headOf(request, status, paint)));
    if (options.delay > 0) await sleep(options.delay);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(status < 300 ? '{"received":true}' : '{"received":false}');
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  const url = await listen(server, options);
  const plan = options.fail > 0 ? `; each task fails ${options.fail} times with ${options.status} first` : '';
  io.out(`Waiting for requests on ${url}${plan}. Ctrl-C ends it.\n`);
  await new Promise<void>((resolve) => {
    const off = io.onSignal(() => {
      off();
      server.close(() => resolve());
      server.closeAllConnections();
    });
  });
}

function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : -1;
    if (number >= least && number <= most) return number;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  };
}

function span(text: string): number {
  const ms = text === '0' ? 0 : parseDuration(text);
  if (ms === null) throw new InvalidArgumentError('Expected a duration such as 250ms or 2s.');
  return ms;
}

const EXAMPLE = `
Example (each task fails twice, then succeeds):
  task-center receive --fail 2`;

export function addReceive(program: Command, io: Io): void {
  program
    .command('receive')
    .description('a receiver for trying out: shows each request and answers it')
    .option('--port <port>', 'port to listen on; 0 = any free one', whole(0, 65_535), 9_000)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--fail <count>', 'failures of each task before it succeeds', whole(0, 1_000_000), 0)
    .option('--status <status>', 'status of a failure', whole(300, 599), 503)
    .option('--delay <duration>', 'time before each answer, such as 250ms', span, 0)
    .addHelpText('after', EXAMPLE)
    .action((options: ReceiveOptions) => receive(options, io));
}
