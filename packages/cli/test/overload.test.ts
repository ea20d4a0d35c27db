import { readFileSync } from 'node:fs';
import { Agent, request, type IncomingHttpHeaders } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { brokerKinds, type TestStore } from '../../engine/test/support/brokers.ts';
import { freePort } from '../../engine/test/support/redis-server.ts';
import { tempFolder, type TempFolder } from '../../engine/test/support/temp.ts';
import { endAll, startCli } from './support/cli.ts';

const CONNECTIONS = 1_000;
const FLOOD_MS = 3_000;
/** The limit of the service, far below the number of connections. */
const MAX_REQUESTS = 64;

let folder: TempFolder;
beforeEach(async () => {
  folder = await tempFolder();
});
afterEach(async () => {
  await endAll();
  await folder.remove();
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function ask(options: {
  port: number;
  path: string;
  agent?: Agent;
  key?: string;
  body?: unknown;
}): Promise<Answer> {
  const { port, path, agent, key, body } = options;
  const text = body === undefined ? '' : JSON.stringify(body);
  const headers = {
    ...(key !== undefined && { authorization: `Bearer ${key}` }),
    ...(body !== undefined && {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    }),
  };
  const method = body === undefined ? 'GET' : 'POST';
  return new Promise((resolve, reject) => {
    const sent = request({ port, path, method, headers, ...(agent && { agent }) }, (response) => {
      let answer = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: answer }),
      );
    });
    sent.on('error', reject).end(text);
  });
}

/** The answers to the submissions, by the ID of the task. */
interface Answers {
  readonly accepted: Set<string>;
  readonly refused: Map<string, Answer>;
}

async function flood(port: number, key: string): Promise<Answers> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const answers: Answers = { accepted: new Set(), refused: new Map() };
  const endMs = performance.now() + FLOOD_MS;
  let next = 0;
  const submitUntilEnd = async () => {
    while (performance.now() < endMs) {
      const id = `t${(next += 1)}`;
      const answer = await ask({ port, path: '/v1/tasks', agent, key, body: { id, type: 'x', delay: '1h' } });
      if (answer.status === 201) answers.accepted.add(id);
      else answers.refused.set(id, answer);
      // A pause, but far shorter than the one that Retry-After asks for.
      if (answer.status !== 201) await sleep(100);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, submitUntilEnd));
  agent.destroy();
  return answers;
}

async function storedIds(place: TestStore): Promise<Set<string>> {
  const broker = await place.connect();
  const ids = new Set<string>();
  let cursor: string | null = null;
  do {
    const page = await broker.inspect.list({ queue: 'default', state: 'scheduled', limit: 500, cursor });
    for (const { id } of page.tasks) ids.add(id);
    ({ cursor } = page);
  } while (cursor !== null);
  return ids;
}

describe.each(brokerKinds)('a service on $name', ({ available, createStore: newPlace }) => {
  test.skipIf(!available)(
    'that gets far more requests than it can take refuses some at once and keeps every task that it accepted',
    async () => {
      const place = await newPlace();
      const port = await freePort();
      const service = startCli(['serve', '--broker', place.url, '--port', String(port)], {
        cwd: folder.path,
        env: { TASKCENTER_HTTP_MAX_REQUESTS: String(MAX_REQUESTS) },
      });
      await service.saw(/Ctrl-C drains and stops it/);
      const key = readFileSync(folder.file('data/admin.key'), 'utf8').trim();
      const flooding = flood(port, key);
      await sleep(FLOOD_MS / 2);
      expect((await ask({ port, path: '/healthz' })).status).toBe(200);
      const { accepted, refused } = await flooding;
      expect(accepted.size).toBeGreaterThan(MAX_REQUESTS);
      expect(refused.size).toBeGreaterThan(0);
      for (const { status, headers, body } of refused.values()) {
        expect({ status, code: (JSON.parse(body) as { code: string }).code }).toEqual({
          status: 503,
          code: 'overloaded',
        });
        expect(headers['retry-after']).toBe('1');
      }
      const after = await ask({
        port,
        path: '/v1/tasks',
        key,
        body: { id: 'after', type: 'x', delay: '1h' },
      });
      expect(after.status).toBe(201);
      service.signal('SIGTERM');
      expect((await service.ended).code).toBe(0);
      expect(await storedIds(place)).toEqual(new Set([...accepted, 'after']));
      await place.remove();
    },
  );
});
