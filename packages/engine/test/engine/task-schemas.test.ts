import type { StandardSchemaV1 } from '@standard-schema/spec';
import { describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { Events } from '../../src/runtime/events.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds } from '../support/brokers.ts';
import { nextEvent } from '../support/next-event.ts';
import { storeOfEachTest } from '../support/store-of-each-test.ts';

/** Takes `{ n }` with a number, and returns it with one more field. */
const numbered: StandardSchemaV1<{ n: number }, { n: number; known: true }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => {
      const { n } = (value ?? {}) as { n?: unknown };
      return typeof n === 'number'
        ? { value: { n, known: true } }
        : { issues: [{ message: 'must be a number', path: ['n'] }] };
    },
  },
};

describe('defineTask refuses', () => {
  test.each([
    ['a schema in place of the options', numbered],
    ['a payload schema that is none', { payload: {} }],
    ['a result schema that is none', { result: () => true }],
  ])('%s', (_, options) =>
    expect(() => defineTask('x', options as never)).toThrow(
      expect.objectContaining({ code: 'invalid-value' }),
    ),
  );
});

describe.each(brokerKinds)('the schemas of a type on $name', (kind) => {
  let broker: Broker;

  storeOfEachTest(kind, async (store) => {
    broker = await store.connect();
  });

  test.each([
    ['that fits is kept as the handler returned it', { n: 4 }, { result: '{"n":4}' }],
    [
      'that does not fit is not kept, and the record of the success says why',
      { n: 'four' },
      {
        result: null,
        reason: 'the result was not kept: result of "sum" at n is not valid: found must be a number.',
      },
    ],
  ])('a result %s', async (_, returned, kept) => {
    const sum = defineTask('sum', { payload: numbered, result: numbered, retention: '1h' });
    const events = new Events();
    const worker = new Worker(broker, { runtime: { events } });
    const ended = nextEvent(events, 'attempt.finished');
    await worker.handle(sum, () => returned as { n: number }).start();
    const { id, queue } = await new Client(broker).enqueue(sum, { n: 1 });
    expect(await ended).toMatchObject({ outcome: 'succeeded' });
    const task = await broker.inspect.task({ queue, id });
    await worker.stop();
    const result = task?.result && Buffer.from(task.result).toString();
    expect({ result, reason: task?.attempts[0]?.reason }).toEqual(kept);
  });
});
