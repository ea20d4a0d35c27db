// What a business system does with callbacks: each task's work is done once, however often it is delivered.
// Run it with: node examples/receive-callbacks.mjs [port]
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';

// In a real system this is a table with the delivery ID as its key, written in the same transaction as the work.
const handled = new Map();

async function handle(request) {
  const id = request.headers['webhook-id'];
  const known = handled.get(id);
  if (known) return known;
  const order = await json(request);
  console.log(`order ${order.order} of task ${request.headers['task-center-task-id']}`);
  const taken = { status: 200, body: { accepted: order.order } };
  handled.set(id, taken);
  return taken;
}

async function answer(request, response) {
  const { status, body } = await handle(request).catch((error) => {
    // 422: never again. 503 with Retry-After would mean: later.
    return { status: 422, body: { error: error.message } };
  });
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

const server = createServer((request, response) => void answer(request, response));
server.listen(Number(process.argv[2] ?? 9000), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/`);
});
