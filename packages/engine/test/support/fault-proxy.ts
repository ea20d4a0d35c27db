import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net';
import { commandReader, type Command } from './resp-commands.ts';

/** Which connections: all, those for wake-ups (they wait for the server's pushes), or the others. */
export type ConnectionKind = 'all' | 'signals' | 'calls';

export interface FaultProxy {
  /** The Redis URL to connect to. */
  readonly url: string;
  /** Connections accepted so far. */
  readonly connections: number;
  /** Names of the commands forwarded to the server so far. */
  readonly forwarded: readonly string[];
  /**
   * The server carries out the next matching command. Then the connection breaks, before the replies to it and to the
   * commands sent with it reach the client. Resolves when that has happened.
   */
  cutReply(matches?: (command: Command) => boolean): Promise<void>;
  /** The connection breaks instead of forwarding the next matching command. Resolves when that has happened. */
  cutRequest(matches?: (command: Command) => boolean): Promise<void>;
  /** Resolves when the next matching command was forwarded, before its reply comes back. Nothing breaks. */
  passes(matches: (command: Command) => boolean): Promise<void>;
  /** `true`: from now on nothing is forwarded in either direction. `false`: old connections break, new ones work. */
  swallow(on: boolean): void;
  /** Breaks these connections. Returns their number. */
  cut(kind: ConnectionKind): number;
  /**
   * Makes these connections half open for good: nothing passes (`both`), or commands arrive and no replies come back
   * (`replies`), and neither side notices. New connections work. Returns their number.
   */
  deafen(kind: ConnectionKind, direction: 'both' | 'replies'): number;
  /** Holds back all bytes, also on new connections. Calling the result forwards them in order. */
  stall(): () => void;
  close(): Promise<void>;
}

/** A planned break of a connection; `none`: it only tells. */
interface Fault {
  readonly kind: 'reply' | 'request' | 'none';
  matches(command: Command): boolean;
  onBreak(): void;
}

/** A client's connection and its counterpart to the server. */
interface ProxiedConnection {
  /** Whether it is for wake-ups. */
  hasPushes: boolean;
  deaf: 'both' | 'replies' | null;
  break(): void;
}

/** Sent behind a command: when its echo comes back, the server has carried out everything before it. */
const FENCE = 'fault-proxy-fence';
const FENCE_COMMAND = `*2\r\n$4\r\nECHO\r\n$${FENCE.length}\r\n${FENCE}\r\n`;

/** Scripts change data; the other commands set up connections or read. */
const isScript = ({ name }: Command) => name === 'EVALSHA' || name === 'EVAL';
/** Only the connections for wake-ups send this. */
const asksForPushes = ({ name, args }: Command) =>
  name === 'CLIENT' && String(args[1]).toUpperCase() === 'TRACKING';

class Proxy {
  swallowing = false;
  connections = 0;
  fault: Fault | undefined;
  readonly forwarded: string[] = [];
  readonly open = new Set<ProxiedConnection>();
  readonly #target: number;
  /** While the proxy stalls: the actions that wait, in order. */
  #held: (() => void)[] | null = null;

  constructor(target: number) {
    this.#target = target;
  }

  connectionsOf(kind: ConnectionKind): ProxiedConnection[] {
    return [...this.open].filter(({ hasPushes }) => kind === 'all' || hasPushes === (kind === 'signals'));
  }

  stall(): () => void {
    const held = (this.#held ??= []);
    return () => {
      if (this.#held !== held) return;
      this.#held = null;
      for (const action of held) action();
    };
  }

  accept(client: Socket): void {
    this.connections += 1;
    const server = createConnection({ port: this.#target, host: '127.0.0.1' });
    const connection: ProxiedConnection = {
      hasPushes: false,
      deaf: this.swallowing ? 'both' : null,
      break: () => {
        this.open.delete(connection);
        client.destroy();
        server.destroy();
      },
    };
    this.open.add(connection);
    for (const socket of [client, server]) {
      socket.on('error', () => {});
      // Bytes sent before the end still arrive.
      socket.on('close', () => this.#runInOrder(() => connection.break()));
    }
    this.#forward(connection, client, server);
  }

  /** Runs the action now, or when the proxy stalls no longer. */
  #runInOrder(action: () => void): void {
    if (this.#held) this.#held.push(action);
    else action();
  }

  #forward(connection: ProxiedConnection, client: Socket, server: Socket): void {
    let pendingFault: Fault | undefined;
    let tail = '';
    const breakBy = (fault: Fault) => {
      connection.break();
      fault.onBreak();
    };
    const onCommand = (command: Command) => {
      if (connection.deaf === 'both' || this.swallowing || server.destroyed) return;
      connection.hasPushes ||= asksForPushes(command);
      const fault = this.fault?.matches(command) ? this.fault : undefined;
      if (fault) this.fault = undefined;
      if (fault?.kind === 'request') return breakBy(fault);
      this.forwarded.push(command.name);
      server.write(command.bytes);
      if (fault?.kind === 'none') return fault.onBreak();
      if (!fault) return;
      pendingFault = fault;
      server.write(FENCE_COMMAND);
    };
    const onReply = (chunk: Buffer) => {
      if (connection.deaf || this.swallowing) return;
      if (!pendingFault) return void client.write(chunk);
      const text = tail + chunk.toString('latin1');
      if (text.includes(FENCE)) return breakBy(pendingFault);
      tail = text.slice(-FENCE.length);
    };
    const read = commandReader(onCommand);
    client.on('data', (chunk: Buffer) => this.#runInOrder(() => read(chunk)));
    server.on('data', (chunk: Buffer) => this.#runInOrder(() => onReply(chunk)));
  }
}

/** A Redis proxy that can lose requests and replies at exact points. `target` is a server's port on loopback. */
export async function startFaultProxy(target: number): Promise<FaultProxy> {
  const proxy = new Proxy(target);
  const server = createServer({ noDelay: true }, (client) => proxy.accept(client));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const plan = (kind: Fault['kind'], matches = isScript) =>
    new Promise<void>((onBreak) => {
      proxy.fault = { kind, matches, onBreak };
    });
  const forEachOf = (kind: ConnectionKind, action: (connection: ProxiedConnection) => void): number => {
    const chosen = proxy.connectionsOf(kind);
    chosen.forEach(action);
    return chosen.length;
  };
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return proxy.connections;
    },
    forwarded: proxy.forwarded,
    cutReply: (matches) => plan('reply', matches),
    cutRequest: (matches) => plan('request', matches),
    passes: (matches) => plan('none', matches),
    swallow(on) {
      proxy.swallowing = on;
      if (!on) forEachOf('all', (connection) => connection.break());
    },
    cut: (kind) => forEachOf(kind, (connection) => connection.break()),
    deafen: (kind, direction) => forEachOf(kind, (connection) => void (connection.deaf = direction)),
    stall: () => proxy.stall(),
    async close() {
      proxy.stall()();
      forEachOf('all', (connection) => connection.break());
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
