/** All connections of the HTTP server, within a bound. At the bound a new one replaces the one that has been idle longest. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock, Log } from '@task-center/engine';
import { Connection, type Exchange } from './connection.ts';
import { isFramed } from './request-head.ts';

/** A peer is cut at most this long after its time is over. */
const CHECK_MS = 500;
/** The bound is logged at most this often. */
const LOG_MS = 60_000;

export interface ConnectionsOptions {
  /** Connections at once. */
  readonly max: number;
  readonly clock: Clock;
  readonly log: Log;
}

export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #bySocket = new WeakMap<Socket, Connection>();
  /** Those with a request that has arrived and is not answered, and all others: the longest without a request first. */
  readonly #busy = new Set<Connection>();
  readonly #idle = new Set<Connection>();
  #replaced = 0;
  #loggedMs = -Infinity;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  /** Takes the connections of a server, while it listens. */
  watch(server: Server): void {
    server.on('connection', (socket: Socket) => this.#add(socket));
    server.on('listening', () => {
      const timer = this.#options.clock.every(CHECK_MS, () => this.#check()).unref();
      server.once('close', () => timer.cancel());
    });
  }

  of(socket: Socket): Connection {
    return this.#bySocket.get(socket) ?? this.#add(socket);
  }

  /** Follows a request until its answer is out. */
  follow(exchange: Exchange): void {
    const { incoming, outgoing } = exchange;
    const connection = this.of(incoming.socket);
    connection.begin(exchange);
    this.#move(connection, this.#idle);
    const hasArrived = () => this.#move(connection, this.#busy);
    if (isFramed(incoming)) {
      incoming.once('end', hasArrived);
      // Before Node's own listener, which would throw the body away without a bound.
      outgoing.prependListener('finish', () => {
        if (!incoming.complete) connection.readOn(exchange);
      });
    } else hasArrived();
    outgoing.once('close', () => {
      connection.finish(exchange);
      this.#move(connection, connection.isBusy ? this.#busy : this.#idle);
    });
  }

  #add(socket: Socket): Connection {
    const { max, clock } = this.#options;
    if (this.#idle.size + this.#busy.size >= max) this.#replaceOne();
    const connection = new Connection(socket, () => clock.monotonicMs());
    this.#bySocket.set(socket, connection);
    this.#idle.add(connection);
    socket.once('close', () => this.#remove(connection));
    return connection;
  }

  /** Moves it to the end of a set. */
  #move(connection: Connection, to: Set<Connection>): void {
    if (this.#remove(connection)) to.add(connection);
  }

  #remove(connection: Connection): boolean {
    return this.#idle.delete(connection) || this.#busy.delete(connection);
  }

  #check(): void {
    for (const connections of [this.#idle, this.#busy])
      for (const connection of connections) connection.check();
  }

  #replaceOne(): void {
    const [longestIdle] = this.#idle.size > 0 ? this.#idle : this.#busy;
    if (!longestIdle) return;
    this.#remove(longestIdle);
    longestIdle.cut();
    this.#replaced += 1;
    const { max, clock, log } = this.#options;
    if (clock.monotonicMs() - this.#loggedMs < LOG_MS) return;
    this.#loggedMs = clock.monotonicMs();
    log.warn(
      { max_connections: max, closed: this.#replaced },
      'HTTP has as many connections as it may: each new one replaces the one that has had no request for longest',
    );
    this.#replaced = 0;
  }
}
