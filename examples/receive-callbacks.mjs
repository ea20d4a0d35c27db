// A receiver of callbacks that does the work of each task once. Deliveries may arrive more than once.
// Run it with: node examples/receive-callbacks.mjs [port]
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';

// Answers by delivery ID. In a real system: a table with that ID as its key, written in the same transaction as the
// work.
const handled = new Map();

async function handle(request) {
  const id = request.headers['webhook-id'];
  const earlierAnswer = handled.get(id);
  if (earlierAnswer) return earlierAnswer;
  const order = await json(request);
  console.log(`order ${order.order} of task ${request.headers['task-center-task-id']}`);
  const newAnswer = { status: 200, body: { accepted: order.order } };
  handled.set(id, newAnswer);
  return newAnswer;
}

async function answer(request, response) {
  const { status, body } = await handle(request).catch((error) => {
    // 422: the task is archived. To have it delivered again later, answer 503 with Retry-After.
    return { status: 422, body: { error: error.message } };
  });
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

const server = createServer((request, response) => void answer(request, response));
server.listen(Number(process.argv[2] ?? 9000), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/`);
});
