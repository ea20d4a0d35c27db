import { connect, type ConnectOptions } from '../../src/connect.ts';
import type { Broker } from '../../src/broker/broker.ts';
import { Inspector } from '../../src/inspector/inspector.ts';
import { hasRedis, startRedis, type RedisServer } from './redis-server.ts';
import { tempFolder } from './temp.ts';

/** A kind of broker, for tests that are the same on each kind. */
export interface BrokerKind {
  readonly name: string;
  /** Whether it can be used on this machine. */
  readonly available: boolean;
  /** Creates an empty store. */
  createStore(): Promise<TestStore>;
}

/** A database file or a Redis server of one test. */
export interface TestStore {
  readonly url: string;
  /** Connects another broker, which `remove` closes. */
  connect(options?: ConnectOptions): Promise<Broker>;
  /** Closes all brokers and deletes the store. */
  remove(): Promise<void>;
}

function createTestStore(url: string, deleteStore: () => Promise<unknown>): TestStore {
  const brokers: Broker[] = [];
  return {
    url,
    async connect(options) {
      const broker = await connect(url, options);
      brokers.push(broker);
      return broker;
    },
    async remove() {
      await Promise.all(brokers.map((broker) => broker.close()));
      await deleteStore();
    },
  };
}

export const sqliteKind: BrokerKind = {
  name: 'SQLite',
  available: true,
  async createStore() {
    const folder = await tempFolder();
    return createTestStore(`sqlite:${folder.file('tasks.db')}`, () => folder.remove());
  },
};

export const redisKind: BrokerKind = {
  name: 'Redis',
  available: hasRedis(),
  async createStore() {
    const server: RedisServer = await startRedis();
    return createTestStore(server.url, () => server.stop());
  },
};

export const brokerKinds = [sqliteKind, redisKind];

/** Removes all tasks, and leaves the queues: for tests that share a store. None may run. */
export async function removeTasks(broker: Broker): Promise<void> {
  const { queues, tasks } = new Inspector(broker);
  for (const queue of await queues.list())
    for (const state of ['pending', 'scheduled', 'retry', 'completed', 'archived', 'aggregating'] as const)
      await tasks.removeAll(queue, state);
}
