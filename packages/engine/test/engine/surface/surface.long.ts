import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import { Client } from '../../../src/client/client.ts';
import * as control from '../../../src/control/index.ts';
import { isTaskCenterError, TaskCenterError } from '../../../src/errors/task-center-error.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { within } from '../../../src/runtime/within.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import type { HandlerContext } from '../../../src/worker/run/handlers.ts';
import { Worker } from '../../../src/worker/worker.ts';
import { brokerKinds, type TestStore } from '../../support/brokers.ts';
import { readDeclaredCalls, type DeclaredValue } from './declared.ts';
import { KNOWN, type Row, type World } from './row.ts';
import { callOf, rowsOf } from './rows.ts';
import { WRONG_VALUES, type WrongKind } from './wrong-values.ts';

const MAX_CALL_MS = 3_000;
const calls = await readDeclaredCalls();

/** Interfaces whose methods the host writes, and not we. */
const WRITTEN_BY_HOSTS =
  /^(Admission|AggregationOptions|Runnable|HealthCheck|Clock|Log|LeveledLog|LogOutput|Runtime|PeriodicTaskManagerOptions|control\.(TaskSearch|CalendarEdit))\./;
/** The broker's own interface: it takes what it is given as it is. */
const FACETS =
  /^((Test)?Broker|Backup|Check|Claims|ClusterView|Consume|Control|Documents|Findings|Groups|Inspect|Maintain|Presence|ScheduleStore|SchedulerEntries|Semaphores|Signals|Submit)\./;
/** Classes that programs get from an Inspector, and do not make themselves. */
const MADE_BY_US = /^new (Broker|Calendar|Cluster|Metrics|Queue|Scheduler|Task)Inspector$/;
/** What the service adds its own figures and loops with. It is for hot paths, and takes what it is given as it is. */
const SERVICE_PARTS = /^(new )?(Counter|Gauge|Histogram|Registry|LoopWatch)(\.|$)/;
/** The texts of errors. `TaskCenterError` calls them. */
const TEXTS = /^codes\./;

const tried = [...calls].filter(
  ([path, values]) =>
    values.length > 0 &&
    ![WRITTEN_BY_HOSTS, FACETS, MADE_BY_US, SERVICE_PARTS, TEXTS].some((pattern) => pattern.test(path)),
);

interface Try {
  /** What is wrong, such as `options.runtime.log`. */
  readonly name: string;
  readonly kind: WrongKind;
  readonly args: readonly unknown[];
}

/** Each field of a good value in turn replaced by each value that is wrong for it; then the value itself. */
function* wrongFor(
  declared: DeclaredValue,
  good: unknown,
  name: string,
): Generator<{ name: string; kind: WrongKind; value: unknown }> {
  for (const kind of declared.wrong) yield { name, kind, value: WRONG_VALUES[kind].value };
  const fields = (typeof good === 'object' && good !== null ? good : {}) as Record<string, unknown>;
  for (const field of declared.fields)
    for (const { value, ...rest } of wrongFor(field, fields[field.name], `${name}.${field.name}`))
      yield { ...rest, value: { ...fields, [field.name]: value } };
}

/** Arguments that are known by the names of their fields. */
const NAMELESS = new Set(['options', 'deps', 'overrides', 'hints', 'bulk', 'search']);

/** Whether an error names what is wrong: the field itself, or the object in which it is. */
function isNamed({ name, kind }: Try, called: string, row: Row): boolean {
  if (kind === 'an object of unknown names' && called.includes('noSuchName')) return true;
  const [argument = '', ...path] = name.split('.');
  if (path.length > 0 && NAMELESS.has(argument)) return path.some((step) => called.includes(step));
  return [argument, row.called?.[argument] ?? 'options', ...path].some((step) => called.includes(step));
}

function triesOf(row: Row, declared: readonly DeclaredValue[]): Try[] {
  const names = Object.keys(row.args);
  const good = Object.values(row.args);
  return declared.flatMap((value, i) =>
    [...wrongFor(row.isFlat ? { ...value, fields: [] } : value, good[i], names[i] ?? '')].map(
      ({ name, kind, value: wrong }) => ({
        name,
        kind,
        args: good.with(i, wrong),
      }),
    ),
  );
}

/** Whether the value has a documented result, although it is wrong by its type. */
const isTaken = ({ name, kind }: Try, { takes = {} }: Row): boolean =>
  Object.entries(takes).some(
    ([path, kinds]) =>
      (name === path || name.startsWith(`${path}.`)) && (kinds === 'all' || kinds.includes(kind)),
  );

/** Makes the call and waits for its end; of an iteration, for that of its first step. Resolves to what is wrong with it. */
async function complaintsOf(one: Try, call: (...args: unknown[]) => unknown, row: Row): Promise<string[]> {
  const what = `${one.name} = ${one.kind}`;
  const taken = isTaken(one, row);
  try {
    const ended = await within(systemClock, MAX_CALL_MS, async () => {
      const returned = await call(...one.args);
      const iterator = (returned as Partial<AsyncIterable<unknown>> | null | undefined)?.[
        Symbol.asyncIterator
      ];
      if (iterator) await iterator.call(returned).next();
      return true;
    });
    if (ended === undefined) return [`${what}: hangs`];
    return taken ? [] : [`${what}: is taken`];
  } catch (error) {
    if (taken && error instanceof TaskCenterError) return [];
    if (!isTaskCenterError(error, 'invalid-value')) return [`${what}: ${String(error)}`];
    return isNamed(one, error.details.name, row) ? [] : [`${what}: is called ${error.details.name}`];
  }
}

describe.each(brokerKinds)('on $name', ({ available, createStore }) => {
  describe.skipIf(!available)('every call of the library refuses what is wrong by its name:', () => {
    let store: TestStore;
    let world: World;

    async function contextOf(broker: Broker): Promise<HandlerContext> {
      const worker = new Worker(broker, { queues: ['running'], runtime: { log: silentLog } });
      const context = new Promise<HandlerContext>((resolve) => {
        worker.handle('runs', (_, given) => {
          resolve(given);
          return new Promise((_resolve, reject) =>
            given.signal.addEventListener('abort', () => reject(given.signal.reason)),
          );
        });
      });
      await new Client(broker).enqueue('runs', null, { queue: 'running' });
      await worker.start();
      return context;
    }

    beforeAll(async () => {
      // Loaded on demand, which takes longer than a call may.
      await import('../../../src/brokers/redis/redis-broker.ts');
      store = await createStore();
      const broker = await store.connect();
      await new Client(broker).enqueue('x', null, { ...KNOWN, delay: '1h' });
      world = { broker, context: await contextOf(broker) };
    });
    afterAll(async () => {
      await store.remove();
    });

    const stored = async () => {
      const queues = await world.broker.inspect.queues();
      const facts = await world.broker.inspect.queueFacts(queues);
      const { broker } = world;
      return {
        queues: facts.map(({ queue, counts }) => ({ queue, counts })),
        schedules: (await control.listSchedules(broker, { limit: 500, after: null })).schedules,
        calendars: await control.listCalendars(broker),
      };
    };

    test.each(tried)('%s', async (path, declared) => {
      const row = rowsOf(world)[path];
      if (!row) throw new Error(`${path} has no row in rows.ts`);
      expect(Object.keys(row.args)).toHaveLength(declared.length);
      const before = await stored();
      const call = callOf(path, world);
      const complaints: string[] = [];
      const tries = triesOf(row, declared);
      const refused = tries.filter((one) => !isTaken(one, row));
      for (const one of refused) complaints.push(...(await complaintsOf(one, call, row)));
      expect(await stored()).toEqual(before);
      // A documented result may be that something is stored.
      for (const one of tries.filter((each) => isTaken(each, row)))
        complaints.push(...(await complaintsOf(one, call, row)));
      expect(complaints.join('\n')).toBe('');
    });
  });
});
