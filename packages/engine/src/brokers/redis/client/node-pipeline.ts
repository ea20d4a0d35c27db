import type { Call } from './call.ts';
import { ErrorReply } from './error-replies.ts';
import type { Connection } from './connection.ts';
import type { RedisArg } from './script.ts';
import { ReconnectingConnection, type ReconnectingConnectionDeps } from './reconnecting-connection.ts';

export type NodePipelineDeps = Omit<ReconnectingConnectionDeps, 'isWanted' | 'onUp'>;

/** Sends the command and the confirming one behind it; a refusal of the latter counts as the reply null. */
async function sendConfirmed(
  connection: Connection,
  command: readonly RedisArg[],
  confirm: readonly RedisArg[],
): Promise<[unknown, unknown]> {
  const reply = connection.send(command);
  const confirmed = connection.send(confirm).catch((error: unknown) => {
    if (error instanceof ErrorReply) return null;
    throw error;
  });
  return Promise.all([reply, confirmed]);
}

/** The calls to one node, and the connection that they share. */
export class NodePipeline {
  readonly node: string;
  readonly connection: ReconnectingConnection;
  /** Calls that wait until there is a connection. */
  waiting: Call[] = [];
  /** SHAs of the scripts whose text was sent over the current connection. */
  #sentScripts = new Set<string>();

  constructor(deps: NodePipelineDeps, onUp: (pipeline: NodePipeline) => void) {
    this.node = deps.node;
    this.connection = new ReconnectingConnection({
      ...deps,
      isWanted: () => this.waiting.length > 0,
      onUp: () => {
        this.#sentScripts = new Set();
        onUp(this);
      },
    });
  }

  /** Takes out the waiting calls, in the order in which they were made. */
  release(): Call[] {
    const waiting = this.waiting.sort((a, b) => a.order - b.order);
    this.waiting = [];
    return waiting;
  }

  /** Sends the call over the connection; rejects as `Connection.send`. */
  transmit(call: Call, connection: Connection, withText: boolean): Promise<unknown> {
    const command = this.#commandFor(call, withText);
    // Its reply does not matter: without ASKING the node answers the call itself with MOVED.
    if (call.asking === this.node) connection.send(['ASKING']).catch(() => {});
    return call.confirm ? sendConfirmed(connection, command, call.confirm) : connection.send(command);
  }

  /**
   * A script's first call on a connection carries the text. If it carried the SHA after a restart of Redis, that call
   * would be repeated behind later ones, and the order of calls would be lost.
   */
  #commandFor({ lua, args }: Call, withText: boolean): readonly RedisArg[] {
    if (!lua) return args;
    if (!withText && this.#sentScripts.has(lua.sha1)) return ['EVALSHA', lua.sha1, ...args];
    this.#sentScripts.add(lua.sha1);
    return ['EVAL', lua.text, ...args];
  }
}
