// Which driver a thread uses: Node's own where it can do what is needed, else a package with compiled files.
import { createRequire } from 'node:module';
import { findBuiltIn } from './built-in.ts';
import { createDriver, type Driver, type SqliteModule } from './driver.ts';

/** Loads the package only when it is needed: it may not be there for a new Node or another processor. */
export function loadPackage(): Driver {
  const module = createRequire(import.meta.url)('@photostructure/sqlite') as SqliteModule;
  // It binds whole numbers as INTEGER by itself, large ones as REAL; no column keeps those.
  return createDriver('@photostructure/sqlite', module, (values) => values);
}

let chosen: Driver | undefined;

export function sqliteDriver(): Driver {
  chosen ??= findBuiltIn() ?? loadPackage();
  return chosen;
}
