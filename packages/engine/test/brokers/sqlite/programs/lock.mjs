// Another program that uses a SQLite file: `node lock.mjs <file> <ms>`. Takes the write lock and holds it for that time. With
// 0 it tryLock and releases the lock again and again. Prints `locked` or `busy` for each try.
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseSync } from '@photostructure/sqlite';

const [path, holdMs] = process.argv.slice(2);
const RETRY_MS = 20;

function tryLock() {
  try {
    const database = new DatabaseSync(path, { timeout: 50 });
    try {
      database.exec('BEGIN IMMEDIATE');
      return database;
    } catch {
      database.close();
    }
  } catch {
    // The file cannot even be opened.
  }
  return null;
}

do {
  const database = tryLock();
  process.stdout.write(database ? 'locked\n' : 'busy\n');
  await sleep(database ? Number(holdMs) : RETRY_MS);
  database?.close();
} while (holdMs === '0');
