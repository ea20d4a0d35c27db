import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRuntime, type Broker, silentLog } from '@task-center/engine';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brokerKinds, type TestStore } from '../../engine/test/support/brokers.ts';
import { nextEvent } from '../../engine/test/support/next-event.ts';
import { createCallbackWorker } from '../src/callbacks/callback-worker.ts';
import { createLog } from '../src/observe/logs.ts';
import { testApp, type TestApp } from './support/test-app.ts';

const CANARY = 'canary-of-a-secret';
const SECRET_HEADERS = [
  'apikey',
  'X_API_KEY',
  'X-Password',
  'X-Auth',
  'X-Session',
  'Authorization',
  'X-Access-Key',
];
const QUERY = `/hook;jsessionid=${CANARY}?apikey=${CANARY}&order=7&X_API_KEY=${CANARY}&%61uth=${CANARY}`;

for (const kind of brokerKinds)
  describe.skipIf(!kind.available)(`a callback with secrets, on ${kind.name},`, () => {
    let place: TestStore;
    let broker: Broker;
    let app: TestApp;
    let seen: IncomingMessage;
    let stored: string;
    let submitted: string;
    let stop: () => Promise<void>;
    const logged: string[] = [];
    const server = createServer((request, response) => {
      seen = request;
      response.writeHead(302, {
        location: `https://u:${CANARY}@b.test/?token=${CANARY}`,
        'x-session': CANARY,
      });
      response.end();
    });

    beforeAll(async () => {
      place = await kind.createStore();
      broker = await place.connect();
      app = await testApp({ broker });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const runtime = createRuntime({ log: silentLog });
      const output = { write: (line: string) => void logged.push(line), takeDropped: () => 0 };
      const log = createLog({ log: { level: 'debug' }, roles: ['worker'] }, output);
      const config = { callbacks: { mode: 'try', allow: [], concurrency: 2 } } as const;
      const worker = createCallbackWorker({ broker, config, log, runtime });
      stop = () => worker.stop();
      await worker.start();
      const { port } = server.address() as AddressInfo;
      const url = `http://127.0.0.1:${port}${QUERY}`;
      const headers = Object.fromEntries(SECRET_HEADERS.map((name) => [name, CANARY]));
      const ended = nextEvent(runtime.events, 'attempt.finished', () => true);
      const body = { id: 'secret', type: 't', retry: { max_retries: 0 }, callback: { url, headers } };
      submitted = (await app.call('POST', '/v1/tasks', { body })).text;
      await ended;
      stored = JSON.stringify((await broker.inspect.task({ queue: 'default~cb', id: 'secret' }))?.attempts);
    });
    afterAll(async () => {
      await stop();
      server.closeAllConnections();
      server.close();
      await app.close();
      await place.remove();
    });

    test('is sent to the receiver as it was submitted', () => {
      expect(seen.url).toBe(QUERY);
      for (const name of SECRET_HEADERS) expect(seen.headers[name.toLowerCase()], name).toBe(CANARY);
    });

    test('shows none of them in the task, its attempts, what is stored of these, and the log', async () => {
      const { text, json } = await app.call('GET', '/v1/tasks/secret?include=attempts,callback');
      expect(json.callback.url).toMatch(
        /\/hook;jsessionid=\*\*\*\?apikey=\*\*\*&order=7&X_API_KEY=\*\*\*&%61uth=\*\*\*$/,
      );
      expect(json.attempts[0].request.url).toBe(json.callback.url);
      expect(json.attempts[0].response.headers.location).toBe('https://***@b.test/?token=***');
      const list = await app.call('GET', '/v1/tasks?queue=default&state=archived&include=attempts,callback');
      expect(logged.length).toBeGreaterThan(0);
      for (const shown of [submitted, text, list.text, stored, logged.join('')])
        expect(shown).not.toContain(CANARY);
    });

    test('shows none either of attempts that an older version stored, or a handler of the library', async () => {
      await app.store({ id: 'old', queue: 'old' });
      const { tasks } = await broker.consume.exchange({
        finishes: [],
        queues: ['old'],
        room: 1,
        leaseMs: 9_000,
        worker: 'w',
      });
      const exchange = {
        request: {
          method: 'POST',
          url: `https://${CANARY}@a.test/?sig=${CANARY}`,
          headers: { apikey: CANARY, n: 1 },
        },
        response: [CANARY],
      };
      const record = { number: 1, startedMs: 0, finishedMs: 1, outcome: 'succeeded', exchange } as const;
      const finishes = tasks.map((task) => ({ task, outcome: 'succeeded', result: null, record }) as const);
      await broker.consume.exchange({ finishes, queues: [], room: 0, leaseMs: 1, worker: 'w' });
      const { text, json } = await app.call('GET', '/v1/tasks/old?include=attempts');
      expect(text).not.toContain(CANARY);
      expect(json.attempts[0].request).toEqual({
        method: 'POST',
        url: 'https://***@a.test/?sig=***',
        headers: { apikey: '***', n: '1' },
      });
    });
  });
