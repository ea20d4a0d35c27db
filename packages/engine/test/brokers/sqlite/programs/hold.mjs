// Opens the file and holds it until it is killed; says `open`, or the code of the error.
import { connectSqlite } from '../../../../dist/brokers/sqlite/sqlite-broker.js';

try {
  await connectSqlite({ path: process.argv[2] });
  console.log('open');
} catch (error) {
  console.log(error.code, error.message);
}
