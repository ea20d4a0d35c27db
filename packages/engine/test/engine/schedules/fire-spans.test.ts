// The spans of fires: one for each fire that is made, by any process, and each links to the one before.
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import { brokerKinds, type TestStore } from '../../support/brokers.ts';
import { finish } from '../../support/factories.ts';
import { FiringBench, MINUTE_MS, SECOND_MS, START_MS } from '../../support/firing.ts';

const EXPLICIT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe.each(brokerKinds)('spans of fires on $name', ({ name, available, createStore }) => {
  const clock = { nowMs: START_MS };
  const brokers: Broker[] = [];
  let store: TestStore;
  let exporter: InMemorySpanExporter;

  beforeEach(async (current) => {
    if (!available) return current.skip();
    clock.nowMs = START_MS;
    exporter = new InMemorySpanExporter();
    const spanProcessors = [new SimpleSpanProcessor(exporter)];
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    store = await createStore();
  });

  afterEach(async () => {
    trace.disable();
    context.disable();
    brokers.length = 0;
    if (available) await store.remove();
  });

  async function connect(): Promise<Broker> {
    const broker = await store.connect({ nowMs: () => clock.nowMs });
    brokers.push(broker);
    return broker;
  }

  /** A process of its own, which knows nothing but what the broker has. A file takes one: there it is a second scheduler. */
  const aProcess = async () =>
    new FiringBench((name === 'SQLite' ? brokers[0] : undefined) ?? (await connect()), 'q', clock);

  const fires = (): ReadableSpan[] => exporter.getFinishedSpans().filter((span) => span.name === 'fire q');
  const ids = (spans: readonly ReadableSpan[]) => spans.map((span) => span.spanContext().spanId);
  const linked = () => fires().map(({ links }) => links.map(({ context: { spanId } }) => spanId));
  /** Each links to the one before it, and begins a trace of its own. */
  function expectChain(count: number): void {
    expect(fires()).toHaveLength(count);
    expect(linked()).toEqual([
      [],
      ...ids(fires())
        .slice(0, -1)
        .map((id) => [id]),
    ]);
    expect(new Set(fires().map((span) => span.spanContext().traceId)).size).toBe(count);
    expect(fires().map(({ parentSpanContext }) => parentSpanContext)).toEqual(fires().map(() => undefined));
  }
  const parentsOf = (tasks: Awaited<ReturnType<FiringBench['take']>>) =>
    tasks.map(({ headers }) => headers['traceparent']?.split('-')[2]);

  test('each links to the fire before, also of another process, of the same write, and of a person', async () => {
    const [one, other] = [await aProcess(), await aProcess()];
    await one.put({ shards: 2, misfire: { grace: '10m' } });
    one.advance(MINUTE_MS);
    expect(await one.fire()).toEqual(['fired 60']);
    one.advance(3 * MINUTE_MS);
    expect(await other.fire()).toHaveLength(3);
    await one.schedules.run('q');
    expectChain(5);
    const parents = parentsOf(await one.take());
    // Both shards of a fire are in its trace.
    expect(parents).toHaveLength(10);
    expect(new Set(parents)).toEqual(new Set(ids(fires())));
    expect(fires()[0]?.attributes).toEqual({ 'task_center.schedule_id': 'q' });
  });

  test('a fire that another process makes first, or that is refused, leaves no span', async () => {
    const [one, other] = [await aProcess(), await aProcess()];
    await one.put({ task: { task: 'report', unique: '1d' }, misfire: { grace: '10m' } });
    one.advance(MINUTE_MS);
    const late = one.createScheduler({
      async fire(...args) {
        // What the other one has in hand is handed out again.
        one.advance(2 * SECOND_MS);
        await other.fire();
        return one.store.fire(...args);
      },
    });
    expect(await late()).toEqual([]);
    expect(other.fired).toHaveLength(1);
    expectChain(1);
    const taken = await one.take();
    expect(parentsOf(taken)).toEqual(ids(fires()));
    one.advance(MINUTE_MS);
    expect(await one.fire()).toEqual([]);
    expectChain(1);
    // The end of its task gives the lock back.
    const finishes = taken.map((task) => finish.succeeded(task));
    await one.broker.consume.exchange({ queues: [], room: 0, leaseMs: 15_000, worker: 'w', finishes });
    one.advance(2 * SECOND_MS);
    expect(await one.fire()).toHaveLength(1);
    expectChain(2);
  });

  test('a fire whose task has a trace of its own has none, and an edit keeps the link', async () => {
    const one = await aProcess();
    await one.put();
    one.advance(MINUTE_MS);
    await one.fire();
    await one.put({ task: { task: 'report', context: { traceparent: EXPLICIT } } });
    one.advance(MINUTE_MS);
    await one.fire();
    expect(fires()).toHaveLength(1);
    expect((await one.take()).map(({ headers }) => headers['traceparent'])).toContain(EXPLICIT);
    await one.put();
    one.advance(MINUTE_MS);
    await one.fire();
    expectChain(2);
  });

  test('what fires without an SDK leaves the link as it is', async () => {
    const one = await aProcess();
    await one.put();
    one.advance(MINUTE_MS);
    await one.fire();
    trace.disable();
    one.advance(MINUTE_MS);
    expect(await one.fire()).toHaveLength(1);
    trace.setGlobalTracerProvider(
      new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
    );
    one.advance(MINUTE_MS);
    await one.fire();
    expectChain(2);
  });
});
