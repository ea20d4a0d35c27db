import { connect, type ConnectOptions } from '../../src/connect.ts';
import type { Broker } from '../../src/broker/broker.ts';
import { hasRedis, startRedis, type RedisServer } from './redis-server.ts';
import { tempFolder } from './temp.ts';

/** A kind of broker for tests that are the same on each: a place with nothing in it, to connect to as often as needed. */
export interface BrokerKind {
  readonly name: string;
  readonly available: boolean;
  createStore(): Promise<TestStore>;
}

export interface TestStore {
  readonly url: string;
  /** A connection that `remove` closes. */
  connect(options?: ConnectOptions): Promise<Broker>;
  remove(): Promise<void>;
}

function placeOf(url: string, removePlace: () => Promise<unknown>): TestStore {
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
      await removePlace();
    },
  };
}

export const sqliteKind: BrokerKind = {
  name: 'SQLite',
  available: true,
  async createStore() {
    const folder = await tempFolder();
    return placeOf(`sqlite:${folder.file('tasks.db')}`, () => folder.remove());
  },
};

export const redisKind: BrokerKind = {
  name: 'Redis',
  available: hasRedis(),
  async createStore() {
    const server: RedisServer = await startRedis();
    return placeOf(server.url, () => server.stop());
  },
};

export const brokerKinds = [sqliteKind, redisKind];
