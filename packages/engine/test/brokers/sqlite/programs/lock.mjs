// Another program that uses a SQLite file: `node lock.mjs <file> <ms>`. Takes the write lock and holds it for that time. With
// 0 it takes and releases the lock again and again. Prints `locked` or `busy` for each try.
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

function attempt() {
  const database = tryLock();
  process.stdout.write(database ? 'locked\n' : 'busy\n');
  return database;
}

if (holdMs === '0') setInterval(() => attempt()?.close(), RETRY_MS);
else {
  const database = attempt();
  setTimeout(() => database?.close(), Number(holdMs));
}
