import { context, createTraceState, SpanKind, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { Events } from '../../src/runtime/events.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds, type TestStore } from '../support/brokers.ts';
import { nextEvents } from '../support/next-event.ts';
import { startProgram } from '../support/program.ts';
import { tempFolder } from '../support/temp.ts';

const EXPLICIT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe.each(brokerKinds)('spans on $name', ({ available, createStore }) => {
  let store: TestStore;
  let broker: Broker;
  let events: Events;
  let worker: Worker;
  let exporter: InMemorySpanExporter;

  beforeEach(async (current) => {
    if (!available) return current.skip();
    exporter = new InMemorySpanExporter();
    const spanProcessors = [new SimpleSpanProcessor(exporter)];
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    store = await createStore();
    broker = await store.connect();
    events = new Events();
    worker = new Worker(broker, { runtime: { events } });
  });

  afterEach(async () => {
    if (!available) return;
    await worker.stop();
    await store.remove();
    trace.disable();
    context.disable();
  });

  const named = (name: string): ReadableSpan[] =>
    exporter.getFinishedSpans().filter((span) => span.name === name);
  const idOf = (span: ReadableSpan | undefined) => span?.spanContext().spanId;
  const traceOf = (span: ReadableSpan | undefined) => span?.spanContext().traceId;
  const client = () => new Client(broker);

  test('a task stores the span of its submission, which is the parent of its attempts', async () => {
    const ends = nextEvents(events, 'attempt.finished', 1);
    await worker.handle('a', () => {}).start();
    const outer = trace.getTracer('test').startSpan('outer');
    await context.with(trace.setSpan(context.active(), outer), () =>
      client().enqueue('a', { n: 1 }, { id: 'x', context: { businessId: 'shop' } }),
    );
    await ends;
    const [[send], [process]] = [named('send default'), named('process default')];
    expect(send?.parentSpanContext?.spanId).toBe(outer.spanContext().spanId);
    expect(send).toMatchObject({
      kind: SpanKind.PRODUCER,
      attributes: {
        'messaging.system': 'task_center',
        'messaging.destination.name': 'default',
        'messaging.message.body.size': 7,
      },
    });
    expect(process?.parentSpanContext?.spanId).toBe(idOf(send));
    expect(process).toMatchObject({
      kind: SpanKind.CONSUMER,
      attributes: {
        'messaging.message.id': 'x',
        'messaging.client.id': worker.name,
        'task_center.type': 'a',
        'task_center.attempt': 1,
        'task_center.business_id': 'shop',
      },
    });
    expect(named('wait default').map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual([
      idOf(send),
    ]);
  });

  test("a caller's explicit traceparent wins over the active span", async () => {
    const ends = nextEvents(events, 'attempt.finished', 1);
    await worker.handle('a', () => {}).start();
    const outer = trace.getTracer('test').startSpan('outer');
    await context.with(trace.setSpan(context.active(), outer), () =>
      client().enqueue('a', null, { context: { traceparent: EXPLICIT } }),
    );
    await ends;
    const [process] = named('process default');
    expect(process?.parentSpanContext).toMatchObject({ spanId: 'b7ad6b7169203331' });
    expect(traceOf(named('send default')[0])).toBe(traceOf(process));
  });

  test('a tracestate is stored with the span, and each attempt has it', async () => {
    const ends = nextEvents(events, 'attempt.finished', 4);
    const stored: (string | undefined)[] = [];
    await worker
      .handle('a', ({ attempt, context: { tracestate } }) => {
        stored.push(tracestate);
        if (attempt === 1) throw new Error('the first time');
      })
      .start();
    const given = { traceparent: EXPLICIT, tracestate: 'given=1,other=2' };
    const parent = { traceId: EXPLICIT.slice(3, 35), spanId: EXPLICIT.slice(36, 52), traceFlags: 1 };
    const traceState = createTraceState('active=1');
    const outer = trace.setSpanContext(context.active(), { ...parent, traceState });
    const backoff = { kind: 'fixed', delay: 1 } as const;
    await client().enqueue('a', null, { id: 'given', context: given, backoff });
    await context.with(outer, () => client().enqueue('a', null, { id: 'active', backoff }));
    await ends;
    expect(stored.filter((state) => state === 'active=1')).toHaveLength(2);
    expect(stored.filter((state) => state === given.tracestate)).toHaveLength(2);
    await vi.waitFor(() => expect(named('process default')).toHaveLength(4));
    for (const span of [...named('send default'), ...named('process default')]) {
      const isGiven = span.attributes['messaging.message.id'] === 'given';
      expect(span.spanContext().traceState?.serialize()).toBe(isGiven ? given.tracestate : 'active=1');
    }
  });

  test('attempts that run side by side have each its own span, also after waits', async () => {
    const ends = nextEvents(events, 'attempt.finished', 20);
    const seen = new Map<string, (string | undefined)[]>();
    const active = () => trace.getSpanContext(context.active())?.spanId;
    // The worker starts within a span, which is no part of its tasks.
    const outer = trace.getTracer('test').startSpan('outer');
    await context.with(trace.setSpan(context.active(), outer), () =>
      worker
        .handle('a', async ({ id }) => {
          const before = active();
          // Each waits another number of turns.
          for (let turns = seen.size % 7; turns >= 0; turns -= 1) await setImmediate();
          seen.set(id, [before, active()]);
        })
        .start(),
    );
    await client().enqueueMany(Array.from({ length: 20 }, (_, i) => ({ task: 'a', id: `t${i}` })));
    await ends;
    const processes = named('process default');
    expect(new Set(processes.map(traceOf)).size).toBe(20);
    for (const span of processes) {
      const id = String(span.attributes['messaging.message.id']);
      expect(seen.get(id)).toEqual([idOf(span), idOf(span)]);
    }
  });

  test('a batch has a span for each task, and one for the call that links to them', async () => {
    const tasks = Array.from({ length: 200 }, (_, i) => ({ task: 'a', id: `t${i}` }));
    await client().enqueueMany(tasks);
    const creates = named('create default');
    const [send, ...others] = named('send default');
    expect(creates).toHaveLength(200);
    expect(others).toEqual([]);
    expect(send?.attributes['messaging.batch.message_count']).toBe(200);
    expect(send?.links.map(({ context: linked }) => linked.spanId)).toEqual(creates.slice(0, 128).map(idOf));
  });

  test('a later attempt links to the one before, and a failure is named by its class alone', async () => {
    const ends = nextEvents(events, 'attempt.finished', 2);
    await worker
      .handle('a', ({ attempt }) => {
        if (attempt === 1) throw new TypeError('a secret');
      })
      .start();
    await client().enqueue('a', null, { backoff: { kind: 'fixed', delay: 1 } });
    await ends;
    // The link is read beside the attempt.
    await vi.waitFor(() => expect(named('process default')).toHaveLength(2));
    const [first, second] = named('process default');
    expect(first?.attributes['error.type']).toBe('TypeError');
    expect(JSON.stringify([first?.status, first?.events, first?.attributes])).not.toContain('secret');
    expect(second?.links.map(({ context: linked }) => linked.spanId)).toEqual([idOf(first)]);
    expect(traceOf(second)).toBe(traceOf(first));
  });
});

test('without an SDK nothing of OpenTelemetry but its API is loaded', async () => {
  const folder = await tempFolder();
  const program = startProgram(import.meta.url, 'loaded-modules.mjs', folder.file('tasks.db'));
  expect(await program.nextLine()).toBe('@opentelemetry/api');
  await program.ended;
  await folder.remove();
});
