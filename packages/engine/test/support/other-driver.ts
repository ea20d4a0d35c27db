import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { sqliteDriver } from '../../src/brokers/sqlite/thread/driver/choose.ts';

/** Where `scripts/test-tools.mjs` puts it. */
const NODE_24 = fileURLToPath(
  new URL(
    `../../../../.cache/node-24/node_modules/node-${process.platform}-${process.arch}/bin/node`,
    import.meta.url,
  ),
);

/** A Node whose SQLite driver is not that of this process. */
export interface OtherDriver {
  readonly node: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Null where there is none on this machine. */
export function otherDriver(): OtherDriver | null {
  if (sqliteDriver().name === 'node:sqlite')
    return { node: process.execPath, env: { NODE_OPTIONS: '--no-experimental-sqlite' } };
  return existsSync(NODE_24) ? { node: NODE_24, env: {} } : null;
}
