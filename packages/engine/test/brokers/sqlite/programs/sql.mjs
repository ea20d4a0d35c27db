// Runs a statement on a file; a process of its own, because only a thread's end lets go of a file.
import { openDatabase } from '../../../../dist/brokers/sqlite/thread/database.js';

const [, , path, sql] = process.argv;
const database = openDatabase(path);
database.exec(sql);
database.close();
