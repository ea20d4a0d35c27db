// Asks the servers whether they would take a new task now. What they are, and why they may refuse, is looked at in server-check.ts.
import type { RedisClient, RunOptions } from '../client/redis-client.ts';
import { defineScript } from '../scripts/define-script.ts';
import { lua } from '../scripts/lua.generated.ts';

/** A server that does not answer within this time is out of reach. */
const ASK_MS = 2_000;

/** Claims to write, and writes nothing. */
const askWritable = defineScript({
  lua: lua.writable,
  keys: () => ({}),
  args: () => ({}),
  reply: () => undefined,
});

/**
 * Resolves when one of the masters would take a new task. Each is asked once: a server that refuses writes, or memory that is full,
 * is its answer.
 *
 * @throws TaskCenterError `broker-unavailable`, `broker-full`, `broker-refused`, `broker-closed`: what the first master says
 */
async function askMasters(client: RedisClient): Promise<void> {
  const options: RunOptions = { timeoutMs: ASK_MS, isProbe: true };
  const nodes = await client.nodes(options);
  try {
    await Promise.any(nodes.map((node) => client.on(node).run(askWritable, undefined, options)));
  } catch (error) {
    throw (error as AggregateError).errors[0];
  }
}

/** How a broker says whether it is there, and whether it takes tasks. */
export const createReach = (client: RedisClient) => ({
  ping: () => client.ping(),
  checkWritable: () => askMasters(client),
});
