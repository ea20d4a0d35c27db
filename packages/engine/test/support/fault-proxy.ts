import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net';
import { commandReader, type Command } from './resp-commands.ts';

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
  close(): Promise<void>;
}

interface Fault {
  readonly kind: 'reply' | 'request';
  fits(command: Command): boolean;
  happened(): void;
}

/** Sent behind a command: when its echo comes back, the server has carried out all before it. */
const FENCE = 'fault-proxy-fence';
const FENCE_COMMAND = `*2\r\n$4\r\nECHO\r\n$${FENCE.length}\r\n${FENCE}\r\n`;

/** Scripts are what changes data; the rest of the traffic is set-up and reading. */
const isScript = ({ name }: Command) => name === 'EVALSHA' || name === 'EVAL';

/** A Redis proxy that can lose requests and replies at exact places. `target` is a server's port on loopback. */
export async function startFaultProxy(target: number): Promise<FaultProxy> {
  let fault: Fault | undefined;
  let swallowing = false;
  let connections = 0;
  const passed: string[] = [];
  const sockets = new Set<Socket>();

  function join(client: Socket): void {
    connections += 1;
    const server = createConnection({ port: target, host: '127.0.0.1' });
    const deaf = swallowing;
    let cutting: Fault | undefined;
    let tail = '';
    const breakBoth = () => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', breakBoth);
      socket.on('close', () => {
        sockets.delete(socket);
        breakBoth();
      });
    }
    const trip = (one: Fault) => {
      breakBoth();
      one.happened();
    };
    const read = commandReader((command) => {
      if (deaf || swallowing || client.destroyed) return;
      const meets = fault !== undefined && fault.fits(command) ? fault : undefined;
      if (meets) fault = undefined;
      if (meets?.kind === 'request') return trip(meets);
      passed.push(command.name);
      server.write(command.bytes);
      if (!meets) return;
      cutting = meets;
      server.write(FENCE_COMMAND);
    });
    client.on('data', read);
    server.on('data', (chunk: Buffer) => {
      if (deaf || swallowing) return;
      if (!cutting) return void client.write(chunk);
      const text = tail + chunk.toString('latin1');
      if (text.includes(FENCE)) return trip(cutting);
      tail = text.slice(-FENCE.length);
    });
  }

  const server = createServer({ noDelay: true }, join);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const plan = (kind: Fault['kind'], fits = isScript) =>
    new Promise<void>((happened) => {
      fault = { kind, fits, happened };
    });
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections;
    },
    passed,
    cutReply: (fits) => plan('reply', fits),
    cutRequest: (fits) => plan('request', fits),
    swallow(on) {
      swallowing = on;
      if (!on) for (const socket of sockets) socket.destroy();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
