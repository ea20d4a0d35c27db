import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Events, silentLog } from '@task-center/engine';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { brokerKinds } from '../../engine/test/support/brokers.ts';
import { nextEvent } from '../../engine/test/support/next-event.ts';
import { launchProgram } from '../../engine/test/support/program.ts';
import { tempFolder } from '../../engine/test/support/temp.ts';
import { serve, type RunningService } from '../src/serve.ts';
import { testConfig } from './support/test-app.ts';

/** A span as OTLP has it in JSON. */
interface OtlpSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly attributes: readonly { key: string; value: Record<string, unknown> }[];
  readonly links?: readonly { traceId: string; spanId: string }[];
  readonly status: { readonly code?: number };
}

const TRACESTATE = 'vendor=1,other=2';
const SUBMITTER = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const [SERVER, CLIENT] = [2, 3];

const closing: (() => unknown)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of closing.splice(0).reverse()) await close();
});

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Receives spans as a collector does. The variables of this process name it. */
async function startCollector(): Promise<OtlpSpan[]> {
  const spans: OtlpSpan[] = [];
  const url = await listen(
    createServer((request, response) => {
      void text(request).then((body) => {
        const { resourceSpans } = JSON.parse(body);
        for (const { scopeSpans } of resourceSpans)
          for (const scope of scopeSpans) spans.push(...scope.spans);
        response.setHeader('content-type', 'application/json').end('{}');
      });
    }),
  );
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', url);
  return spans;
}

/** The span of a receiver. */
type ReceivedSpan = Pick<OtlpSpan, 'traceId' | 'parentSpanId' | 'traceState'>;

/** A receiver with traces of its own: it says the first time that it is out of order. Each request makes a span. */
async function startReceiver(spans: ReceivedSpan[]): Promise<string> {
  return listen(
    createServer((request, response) => {
      const [, traceId = '', parentSpanId = ''] = String(request.headers.traceparent).split('-');
      spans.push({ traceId, parentSpanId, traceState: String(request.headers['tracestate']) });
      response.writeHead(spans.length === 1 ? 503 : 200).end();
    }),
  );
}

async function start(broker: string, folder: string, events: Events): Promise<RunningService> {
  const config = testConfig({ 'http.port': '0', data_dir: folder, broker });
  return serve(config, { log: silentLog, runtime: { events }, environment: process.env });
}

function submit({ url }: RunningService, key: string, receiver: string): Promise<Response> {
  return fetch(`${url}/v1/tasks`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      traceparent: `00-${SUBMITTER.traceId}-${SUBMITTER.spanId}-01`,
      tracestate: TRACESTATE,
    },
    body: JSON.stringify({
      id: 'a',
      callback: { url: `${receiver}/hook?token=secret` },
      retry: { max_retries: 3, backoff: { kind: 'fixed', delay: '1s', jitter: 0 } },
    }),
  });
}

const kept = (span: OtlpSpan | undefined) =>
  Object.fromEntries((span?.attributes ?? []).map(({ key, value }) => [key, Object.values(value)[0]]));

describe.each(brokerKinds)('traces on $name', ({ available, createStore }) => {
  test('one trace joins submitter, task, attempts and receiver, over a retry and a restart', async (context) => {
    if (!available) return context.skip();
    const [spans, received] = [await startCollector(), [] as ReceivedSpan[]];
    const [store, folder] = [await createStore(), await tempFolder()];
    closing.push(
      () => folder.remove(),
      () => store.remove(),
    );
    const receiver = await startReceiver(received);
    const data = folder.file('data');
    const first = new Events();
    const failed = nextEvent(first, 'attempt.finished');
    const before = await start(store.url, data, first);
    const answer = await submit(before, before.firstKey?.key ?? '', receiver);
    expect(answer.status).toBe(201);
    expect(await answer.json()).toMatchObject({ tracestate: TRACESTATE });
    expect(await failed).toMatchObject({ outcome: 'failed' });
    await before.stop();
    const second = new Events();
    const succeeded = nextEvent(second, 'attempt.finished');
    const after = await start(store.url, data, second);
    expect(await succeeded).toMatchObject({ outcome: 'succeeded', attempt: 2 });
    await after.stop();

    const named = (name: string) => spans.filter((span) => span.name === name);
    const [server] = named('POST /v1/tasks');
    const [send] = named('send default~cb');
    const processes = named('process default~cb');
    const posts = named('POST');
    expect(spans.map(({ traceId }) => traceId)).toEqual(spans.map(() => SUBMITTER.traceId));
    expect(spans.map(({ traceState }) => traceState)).toEqual(spans.map(() => TRACESTATE));
    expect(server).toMatchObject({ kind: SERVER, parentSpanId: SUBMITTER.spanId });
    expect(send).toMatchObject({ parentSpanId: server?.spanId });
    expect(processes.map(({ parentSpanId }) => parentSpanId)).toEqual([send?.spanId, send?.spanId]);
    expect(named('wait default~cb')).toHaveLength(2);
    expect(processes.map(({ links }) => links?.map(({ spanId }) => spanId) ?? [])).toEqual([
      [],
      [processes[0]?.spanId],
    ]);
    expect(posts.map(({ parentSpanId }) => parentSpanId)).toEqual(processes.map(({ spanId }) => spanId));
    expect(received).toEqual(
      posts.map(({ spanId }) => ({
        traceId: SUBMITTER.traceId,
        parentSpanId: spanId,
        traceState: TRACESTATE,
      })),
    );
    expect(posts[0]).toMatchObject({ kind: CLIENT, status: { code: 2 } });
    expect(kept(posts[0])).toMatchObject({
      'url.full': `${receiver}/hook`,
      'http.response.status_code': 503,
      'error.type': '503',
    });
    expect(kept(processes[1])).toMatchObject({ 'task_center.attempt': 2, 'messaging.message.id': 'a' });
  });
});

/** What a process of its own, which serves a request, has loaded of OpenTelemetry. */
async function loadedBy(env: Readonly<Record<string, string>>): Promise<unknown> {
  const folder = await tempFolder();
  closing.push(() => folder.remove());
  const path = fileURLToPath(new URL('programs/loaded-modules.mjs', import.meta.url));
  const program = launchProgram(path, { args: [folder.file('data')], env });
  const { status, loaded } = JSON.parse(await program.nextLine()) as { status: number; loaded: unknown };
  await program.ended;
  expect(status).toBe(201);
  return loaded;
}

test('the service loads the API of OpenTelemetry alone, unless a receiver of traces is named', async () => {
  const none = { OTEL_EXPORTER_OTLP_ENDPOINT: '', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: '' };
  expect(await loadedBy(none)).toEqual(['@opentelemetry/api']);
  await startCollector();
  expect(await loadedBy({})).toContain('@opentelemetry/sdk-trace-base');
});
