import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net';
import { commandReader, type Command } from './resp-commands.ts';

/** Connections: all, those that wait for the server's messages, or the others. */
export type Which = 'all' | 'signals' | 'calls';

export interface FaultProxy {
  /** The Redis URL to connect to. */
  readonly url: string;
  /** Connections accepted so far. */
  readonly connections: number;
  /** Commands that were passed on to the server so far. */
  readonly passed: readonly string[];
  /**
   * The next fitting command is carried out by the server; then the connection breaks before its reply, and
   * those of the commands sent with it, reach the client. Resolves when that has happened.
   */
  cutReply(fits?: (command: Command) => boolean): Promise<void>;
  /** The connection breaks instead of passing on the next fitting command. Resolves when that has happened. */
  cutRequest(fits?: (command: Command) => boolean): Promise<void>;
  /** From now on nothing is passed on and nothing is answered; `false` = new connections work again. */
  swallow(on: boolean): void;
  /** These connections break. Returns their number. */
  cut(which: Which): number;
  /**
   * These connections are half open from now on, for good: nothing passes (`both`) or commands arrive and nothing
   * comes back (`replies`), and nobody is told. New connections work. Returns their number.
   */
  deafen(which: Which, direction: 'both' | 'replies'): number;
  /** Holds back all that is sent, also on new connections, and passes it on in order when the result is called. */
  stall(): () => void;
  close(): Promise<void>;
}

interface Fault {
  readonly kind: 'reply' | 'request';
  fits(command: Command): boolean;
  happened(): void;
}

interface Joined {
  signals: boolean;
  deaf: 'both' | 'replies' | null;
  break(): void;
}

/** Sent behind a command: when its echo comes back, the server has carried out all before it. */
const FENCE = 'fault-proxy-fence';
const FENCE_COMMAND = `*2\r\n$4\r\nECHO\r\n$${FENCE.length}\r\n${FENCE}\r\n`;

/** Scripts are what changes data; the rest of the traffic is set-up and reading. */
const isScript = ({ name }: Command) => name === 'EVALSHA' || name === 'EVAL';
/** Only the connection that waits for wake-ups asks for this. */
const asksForMessages = ({ name, args }: Command) =>
  name === 'CLIENT' && String(args[1]).toUpperCase() === 'TRACKING';

class Proxy {
  swallowing = false;
  connections = 0;
  fault: Fault | undefined;
  readonly passed: string[] = [];
  readonly joined = new Set<Joined>();
  readonly #target: number;
  /** While it stalls: what waits, in order. */
  #held: (() => void)[] | null = null;

  constructor(target: number) {
    this.#target = target;
  }

  which(which: Which): Joined[] {
    return [...this.joined].filter(({ signals }) => which === 'all' || signals === (which === 'signals'));
  }

  stall(): () => void {
    const held = (this.#held ??= []);
    return () => {
      if (this.#held !== held) return;
      this.#held = null;
      for (const act of held) act();
    };
  }

  join(client: Socket): void {
    this.connections += 1;
    const server = createConnection({ port: this.#target, host: '127.0.0.1' });
    const one: Joined = {
      signals: false,
      deaf: this.swallowing ? 'both' : null,
      break: () => {
        this.joined.delete(one);
        client.destroy();
        server.destroy();
      },
    };
    this.joined.add(one);
    for (const socket of [client, server]) {
      socket.on('error', () => {});
      // What was sent before still arrives.
      socket.on('close', () => this.#pass(() => one.break()));
    }
    this.#connect(one, client, server);
  }

  #pass(act: () => void): void {
    if (this.#held) this.#held.push(act);
    else act();
  }

  #connect(one: Joined, client: Socket, server: Socket): void {
    let cutting: Fault | undefined;
    let tail = '';
    const trip = (fault: Fault) => {
      one.break();
      fault.happened();
    };
    const onCommand = (command: Command) => {
      if (one.deaf === 'both' || this.swallowing || server.destroyed) return;
      one.signals ||= asksForMessages(command);
      const meets = this.fault?.fits(command) ? this.fault : undefined;
      if (meets) this.fault = undefined;
      if (meets?.kind === 'request') return trip(meets);
      this.passed.push(command.name);
      server.write(command.bytes);
      if (!meets) return;
      cutting = meets;
      server.write(FENCE_COMMAND);
    };
    const onReply = (chunk: Buffer) => {
      if (one.deaf || this.swallowing) return;
      if (!cutting) return void client.write(chunk);
      const text = tail + chunk.toString('latin1');
      if (text.includes(FENCE)) return trip(cutting);
      tail = text.slice(-FENCE.length);
    };
    const read = commandReader(onCommand);
    client.on('data', (chunk: Buffer) => this.#pass(() => read(chunk)));
    server.on('data', (chunk: Buffer) => this.#pass(() => onReply(chunk)));
  }
}

/** A Redis proxy that can lose requests and replies at exact places. `target` is a server's port on loopback. */
export async function startFaultProxy(target: number): Promise<FaultProxy> {
  const proxy = new Proxy(target);
  const server = createServer({ noDelay: true }, (client) => proxy.join(client));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const plan = (kind: Fault['kind'], fits = isScript) =>
    new Promise<void>((happened) => {
      proxy.fault = { kind, fits, happened };
    });
  const each = (which: Which, act: (one: Joined) => void): number => {
    const chosen = proxy.which(which);
    chosen.forEach(act);
    return chosen.length;
  };
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return proxy.connections;
    },
    passed: proxy.passed,
    cutReply: (fits) => plan('reply', fits),
    cutRequest: (fits) => plan('request', fits),
    swallow(on) {
      proxy.swallowing = on;
      if (!on) each('all', (one) => one.break());
    },
    cut: (which) => each(which, (one) => one.break()),
    deafen: (which, direction) => each(which, (one) => void (one.deaf = direction)),
    stall: () => proxy.stall(),
    async close() {
      proxy.stall()();
      each('all', (one) => one.break());
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
