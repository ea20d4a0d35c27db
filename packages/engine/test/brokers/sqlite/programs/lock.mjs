// A foreign program at a SQLite file: `node lock.mjs <file> <ms>`. Takes the lock of the one writer for so long, 0 = until it
// is refused and then again and again. Says `locked` or `busy` each time.
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseSync } from '@photostructure/sqlite';

const [path, holdMs] = process.argv.slice(2);
const AGAIN_MS = 20;

function takes() {
  try {
    const database = new DatabaseSync(path, { timeout: 50 });
    try {
      database.exec('BEGIN IMMEDIATE');
      return database;
    } catch {
      database.close();
    }
  } catch {
    // It cannot even be opened.
  }
  return null;
}

do {
  const database = takes();
  process.stdout.write(database ? 'locked\n' : 'busy\n');
  await sleep(database ? Number(holdMs) : AGAIN_MS);
  database?.close();
} while (holdMs === '0');
