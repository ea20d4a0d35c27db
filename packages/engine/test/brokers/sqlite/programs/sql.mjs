// Runs a statement on a file: `node sql.mjs <file> <statement>`. A process of its own, because the driver releases a file only
// when its thread ends.
import { openDatabase } from '../../../../dist/brokers/sqlite/thread/database.js';

const [, , path, sql] = process.argv;
const database = openDatabase(path);
database.exec(sql);
database.close();
