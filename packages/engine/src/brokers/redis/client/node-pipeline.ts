import type { Call } from './call.ts';
import { ErrorReply } from './error-replies.ts';
import type { Connection } from './connection.ts';
import type { RedisArg } from './script.ts';
import { ReconnectingConnection, type ReconnectingConnectionDeps } from './reconnecting-connection.ts';

export type NodePipelineDeps = Omit<ReconnectingConnectionDeps, 'isWanted' | 'onUp'>;

async function sendBoth(
  connection: Connection,
  first: readonly RedisArg[],
  second: readonly RedisArg[],
): Promise<[unknown, unknown]> {
  const replying = connection.send(first);
  const confirming = connection.send(second).catch((error: unknown) => {
    if (error instanceof ErrorReply) return null;
    throw error;
  });
  return Promise.all([replying, confirming]);
}

/** The way of calls to one server. */
export class NodePipeline {
  readonly node: string;
  readonly connection: ReconnectingConnection;
  /** Calls for the connection that is not there yet. */
  waiting: Call[] = [];
  /** SHAs that the current connection's server has been given. */
  #known = new Set<string>();

  constructor(deps: NodePipelineDeps, onUp: (pipeline: NodePipeline) => void) {
    this.node = deps.node;
    this.connection = new ReconnectingConnection({
      ...deps,
      isWanted: () => this.waiting.length > 0,
      onUp: () => {
        this.#known = new Set();
        onUp(this);
      },
    });
  }

  /** Those that wait, in the order in which they were made; they do so no longer. */
  release(): Call[] {
    const waiting = this.waiting.sort((a, b) => a.order - b.order);
    this.waiting = [];
    return waiting;
  }

  /** Resolves to the reply; rejects as `Link.send` does. */
  transmit(call: Call, connection: Connection, withText: boolean): Promise<unknown> {
    const wire = this.#wire(call, withText);
    // What it answers does not matter: a server that is not asked answers the call itself with MOVED.
    if (call.asking === this.node) connection.send(['ASKING']).catch(() => {});
    return call.confirm ? sendBoth(connection, wire, call.confirm) : connection.send(wire);
  }

  /** A script's text goes over each connection once; so its calls keep their order also after a restart of Redis. */
  #wire({ lua, args }: Call, withText: boolean): readonly RedisArg[] {
    if (!lua) return args;
    if (!withText && this.#known.has(lua.sha1)) return ['EVALSHA', lua.sha1, ...args];
    this.#known.add(lua.sha1);
    return ['EVAL', lua.text, ...args];
  }
}
