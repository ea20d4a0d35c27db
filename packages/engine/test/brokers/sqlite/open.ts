import { onTestFinished } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import { connectSqlite, type SqliteOptions } from '../../../src/brokers/sqlite/sqlite-broker.ts';
import { tempFolder, type TempFolder } from '../../support/temp.ts';

/** A folder that is removed when the test ends. */
export async function folder(): Promise<TempFolder> {
  const created = await tempFolder();
  onTestFinished(() => created.remove());
  return created;
}

/** Opens a broker that is closed when the test ends. */
export async function open(path: string, options: Partial<SqliteOptions> = {}): Promise<Broker> {
  const broker = await connectSqlite({ path, ...options });
  onTestFinished(() => broker.close());
  return broker;
}
