// A foreign program at a SQLite file: `node lock.mjs <file> <ms>`. Takes the lock of the one writer for that long.
// 0 = tries again and again, and keeps it no time. Says `locked` or `busy` each time.
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

function attempt() {
  const database = takes();
  process.stdout.write(database ? 'locked\n' : 'busy\n');
  return database;
}

if (holdMs === '0') setInterval(() => attempt()?.close(), AGAIN_MS);
else {
  const database = attempt();
  setTimeout(() => database?.close(), Number(holdMs));
}
