// `node hold.mjs <file>`: opens the file and keeps it until it is killed. Prints `open`, or the error's code and message.
import { connectSqlite } from '../../../../dist/brokers/sqlite/sqlite-broker.js';

try {
  await connectSqlite({ path: process.argv[2] });
  console.log('open');
} catch (error) {
  console.log(error.code, error.message);
}
