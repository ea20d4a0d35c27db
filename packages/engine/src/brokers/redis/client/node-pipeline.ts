import type { Call } from './call.ts';
import { ErrorReply } from './error-replies.ts';
import type { Link } from './connection.ts';
import type { RedisArg } from './script.ts';
import { Uplink, type UplinkParts } from './reconnecting-connection.ts';

export type LaneParts = Omit<UplinkParts, 'wanted' | 'onUp'>;

async function sendBoth(
  link: Link,
  first: readonly RedisArg[],
  second: readonly RedisArg[],
): Promise<[unknown, unknown]> {
  const replying = link.send(first);
  const confirming = link.send(second).catch((error: unknown) => {
    if (error instanceof ErrorReply) return null;
    throw error;
  });
  return Promise.all([replying, confirming]);
}

/** The way of calls to one server. */
export class Lane {
  readonly place: string;
  readonly uplink: Uplink;
  /** Calls for the link that is not there yet. */
  waiting: Call[] = [];
  /** SHAs that the current link's server has been given. */
  #known = new Set<string>();

  constructor(parts: LaneParts, onUp: (lane: Lane) => void) {
    this.place = parts.place;
    this.uplink = new Uplink({
      ...parts,
      wanted: () => this.waiting.length > 0,
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
  transmit(call: Call, link: Link, withText: boolean): Promise<unknown> {
    const wire = this.#wire(call, withText);
    // What it answers does not matter: a server that is not asked answers the call itself with MOVED.
    if (call.asking === this.place) link.send(['ASKING']).catch(() => {});
    return call.confirm ? sendBoth(link, wire, call.confirm) : link.send(wire);
  }

  /** A script's text goes over each link once; so its calls keep their order also after a restart of Redis. */
  #wire({ lua, args }: Call, withText: boolean): readonly RedisArg[] {
    if (!lua) return args;
    if (!withText && this.#known.has(lua.sha1)) return ['EVALSHA', lua.sha1, ...args];
    this.#known.add(lua.sha1);
    return ['EVAL', lua.text, ...args];
  }
}
