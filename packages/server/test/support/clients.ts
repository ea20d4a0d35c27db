/** The clients with which the suites can call the application over a real connection: curl and a raw socket. */
import { spawn } from 'node:child_process';
import { sendRaw } from './raw-connection.ts';

export interface ClientCall {
  readonly method: string;
  readonly port: number;
  /** With its query, encoded. */
  readonly path: string;
  readonly headers: Headers;
  readonly body: Uint8Array | undefined;
}

export interface ClientAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export type Client = (call: ClientCall) => Promise<ClientAnswer>;

/** Undoes the chunks of a body. */
function joinChunks(text: string): string {
  const [, size = '0', rest = ''] = /^([0-9a-f]+)\r\n([^]*)$/i.exec(text) ?? [];
  const length = Number.parseInt(size, 16);
  return length === 0 ? '' : rest.slice(0, length) + joinChunks(rest.slice(length + 2));
}

/** Reads an answer in the bytes of the wire, given as Latin-1. Interim answers are left out. */
function parseAnswer(wire: string): ClientAnswer {
  const end = wire.indexOf('\r\n\r\n');
  const [first = '', ...lines] = wire.slice(0, end).split('\r\n');
  const status = Number(first.split(' ')[1]);
  const rest = wire.slice(end + 4);
  if (status < 200) return parseAnswer(rest);
  const pairs = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const headers = new Headers(pairs);
  const body = headers.get('transfer-encoding') === 'chunked' ? joinChunks(rest) : rest;
  return { status, headers, text: Buffer.from(body, 'latin1').toString() };
}

/** Sends a body in two chunks, and names of headers in capitals: the same request, in other words than ours. */
const callRaw: Client = async ({ method, port, path, headers, body }) => {
  const sent = new Headers(headers);
  if (!sent.has('host')) sent.set('host', `127.0.0.1:${port}`);
  sent.set('connection', 'close');
  let content = '';
  if (body && body.length > 0) {
    sent.delete('content-length');
    sent.set('transfer-encoding', 'chunked');
    const half = Math.ceil(body.length / 2);
    for (const part of [body.subarray(0, half), body.subarray(half)])
      if (part.length > 0)
        content += `${part.length.toString(16)}\r\n${Buffer.from(part).toString('latin1')}\r\n`;
    content += '0\r\n\r\n';
  }
  const lines = [...sent].map(([name, value]) => `${name.toUpperCase()}: ${value}\r\n`);
  return parseAnswer(await sendRaw(port, `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${content}`));
};

const callCurl: Client = ({ method, port, path, headers, body }) => {
  const args = ['--silent', '--show-error', '--include', '--http1.1', '--globoff', '--path-as-is', '--raw'];
  args.push(...(method === 'HEAD' ? ['--head'] : ['--request', method]));
  for (const [name, value] of headers)
    if (name !== 'content-length' || Number(value) !== body?.length)
      args.push('--header', value === '' ? `${name};` : `${name}: ${value}`);
  if (body && body.length > 0) args.push('--data-binary', '@-');
  const curl = spawn('curl', [...args, `http://127.0.0.1:${port}${path}`], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // It stops reading when it has been refused.
  curl.stdin.on('error', () => {}).end(body);
  let out = '';
  let err = '';
  curl.stdout.setEncoding('latin1').on('data', (chunk: string) => (out += chunk));
  curl.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  return new Promise((resolve, reject) =>
    curl.on('error', reject).on('close', (code) => {
      if (code === 0) resolve(parseAnswer(out));
      else reject(new Error(`curl ended with ${code}: ${err}`));
    }),
  );
};

/** By the name that `HTTP_CLIENT` has. */
const CLIENTS: Readonly<Record<string, Client>> = { curl: callCurl, raw: callRaw };

/** The client that the run asks for; null = the application is called in process. */
// oxlint-disable-next-line node/no-process-env
export const chosenClient: Client | null = CLIENTS[process.env['HTTP_CLIENT'] ?? ''] ?? null;
