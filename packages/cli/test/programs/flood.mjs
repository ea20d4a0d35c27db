// Connects again and again, sends nothing, and comes back 200 ms after each end.
// Arguments: the port, and how many connections at once.
import { connect } from 'node:net';

const [port, count] = process.argv.slice(2).map(Number);

function open() {
  connect({ port, host: '127.0.0.1' })
    .on('error', () => {})
    .on('close', () => setTimeout(open, 200))
    .resume();
}

for (let i = 0; i < count; i += 1) open();
process.stdout.write('ready\n');
