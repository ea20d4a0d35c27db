import type { Runtime } from '../../../runtime/runtime.ts';
import type { Call } from './call.ts';
import { ConnectionLost, type Connection } from './connection.ts';
import { causeOf, errorActionOf, ErrorReply, hintsAtFinding } from './error-replies.ts';
import { NodePipeline } from './node-pipeline.ts';
import { redirectIn, type Redirect } from './redirects.ts';
import { backoffMs, unavailableError, type Retries } from './retries.ts';
import type { Topology } from './topology/topology.ts';

/** Redirects of one call, MOVED or ASK, up to a backoff; the others are followed at once. */
const MAX_REDIRECTS = 5;

export interface RouterDeps {
  readonly topology: Topology;
  readonly runtime: Runtime;
  readonly retries: Retries;
  /** See `RedisClientOptions`. */
  onHint(): void;
}

/** Where an attempt of a call went. */
interface Route {
  readonly pipeline: NodePipeline;
  readonly connection: Connection;
}

/**
 * Sends each call to the node that has its key. A call waits while the node is unknown or has no connection. Follows
 * redirects, and refreshes the topology when it may be out of date.
 */
export class Router {
  readonly #topology: Topology;
  readonly #runtime: Runtime;
  readonly #retries: Retries;
  readonly #onHint: () => void;
  readonly #pipelines = new Map<string, NodePipeline>();
  readonly #closing = new AbortController();
  /** Calls whose node is unknown. */
  #unrouted: Call[] = [];
  #isDiscovering = false;
  /** Why calls are unrouted. */
  #cause: string | null = null;

  constructor({ topology, runtime, retries, onHint }: RouterDeps) {
    this.#onHint = onHint;
    this.#topology = topology;
    this.#runtime = runtime;
    this.#retries = retries;
    topology.onChange(() => this.#reroute());
  }

  /** Sends the call now, or as soon as there is a connection to its node. */
  send(call: Call): void {
    const node = this.#nodeOf(call);
    if (node === null) {
      this.#unrouted.push(call);
      return void this.#discover();
    }
    const pipeline = this.#pipelineTo(node);
    const { current } = pipeline.connection;
    if (current && pipeline.waiting.length === 0)
      return void this.#transmit(call, { pipeline, connection: current });
    pipeline.waiting.push(call);
    pipeline.connection.connect();
  }

  /** Why the call cannot be sent; null = its node is not known to be out of reach. */
  causeOf(call: Call): string | null {
    const node = this.#nodeOf(call);
    return node === null ? this.#cause : (this.#pipelines.get(node)?.connection.cause ?? null);
  }

  /** Forgets the waiting calls that have ended. */
  dropEnded(): void {
    const isOpen = (call: Call): boolean => this.#retries.isOpen(call);
    for (const pipeline of this.#pipelines.values()) pipeline.waiting = pipeline.waiting.filter(isOpen);
    this.#unrouted = this.#unrouted.filter(isOpen);
  }

  close(): void {
    this.#closing.abort();
    for (const { connection } of this.#pipelines.values()) connection.close();
  }

  #nodeOf({ node, asking, key }: Call): string | null {
    return node ?? asking ?? (key === null ? this.#anyNode() : this.#topology.nodeOf(key));
  }

  /** A node with an open connection if there is one: a call that any node can serve must not wait for one that is down. */
  #anyNode(): string | null {
    const up = this.#topology.nodes().find((node) => this.#pipelines.get(node)?.connection.current);
    return up ?? this.#topology.nodeOf(null);
  }

  #pipelineTo(node: string): NodePipeline {
    let pipeline = this.#pipelines.get(node);
    if (pipeline) return pipeline;
    pipeline = new NodePipeline(
      {
        topology: this.#topology,
        node,
        runtime: this.#runtime,
        onRefused: (reply) => this.#refuseAll(this.#pipelines.get(node)?.release() ?? [], reply),
        onDown: this.#onHint,
        onFailed: () => {
          this.#onHint();
          this.#refreshTopology();
        },
      },
      (up) => up.release().forEach((call) => this.send(call)),
    );
    this.#pipelines.set(node, pipeline);
    return pipeline;
  }

  /** Nodes have come or gone, or slots have moved: every waiting call is routed again, and pipelines to lost nodes end. */
  #reroute(): void {
    const waiting = [...this.#pipelines.values()].flatMap((pipeline) => pipeline.release());
    waiting.push(...this.#unrouted);
    this.#unrouted = [];
    const nodes = new Set(this.#topology.nodes());
    for (const [node, { connection }] of this.#pipelines) {
      if (nodes.has(node)) continue;
      this.#pipelines.delete(node);
      // Calls under way there are in doubt now; they are sent again, to the node that has their key.
      connection.close();
    }
    for (const call of waiting.sort((a, b) => a.order - b.order)) this.send(call);
  }

  #refreshTopology(): void {
    this.#topology.refresh().catch(() => {});
  }

  /** Refreshes the topology, with backoff, until no call is unrouted. */
  async #discover(): Promise<void> {
    if (this.#isDiscovering) return;
    this.#isDiscovering = true;
    const { clock, random } = this.#runtime;
    const { signal } = this.#closing;
    for (let tries = 0; this.#unrouted.length > 0 && !signal.aborted; tries += 1) {
      if (tries > 0) await clock.sleep(backoffMs(tries, random), signal);
      try {
        await this.#topology.refresh();
        if (this.#unrouted.some((call) => this.#nodeOf(call) !== null)) this.#reroute();
        else this.#cause = 'no server of the cluster has the slot';
      } catch (error) {
        this.#cause = causeOf(error);
        if (error instanceof ErrorReply && errorActionOf(error) !== 'wait')
          this.#refuseAll(this.#unrouted.splice(0), error);
      }
    }
    this.#isDiscovering = false;
  }

  async #transmit(call: Call, { pipeline, connection }: Route, withText = false): Promise<void> {
    call.isSent = true;
    try {
      this.#retries.resolve(call, await pipeline.transmit(call, connection, withText));
    } catch (error) {
      call.isSent = false;
      if (error instanceof ConnectionLost) call.inDoubt = true;
      if (this.#retries.isOpen(call)) this.#onFailure(call, { pipeline, connection }, error);
    }
  }

  /** An attempt failed: sends the call again, at once or after a backoff, or ends it. */
  #onFailure(call: Call, { pipeline, connection }: Route, error: unknown): void {
    const { asking } = call;
    if (error instanceof ErrorReply && errorActionOf(error) === 'send-text' && call.lua)
      return void this.#transmit(call, { pipeline, connection }, true);
    call.asking = null;
    if (error instanceof ConnectionLost) return this.send(call);
    if (!(error instanceof ErrorReply)) return this.#retries.reject(call, error);
    if (hintsAtFinding(error) && !(call.isProbe && errorActionOf(error) === 'full')) this.#onHint();
    const redirect = this.#topology.isClustered ? redirectIn(error) : null;
    if (redirect) return this.#followRedirect(call, redirect, pipeline);
    if (errorActionOf(error) !== 'wait') return this.#retries.refuse(call, error);
    if (error.message.startsWith('READONLY') && this.#topology.hasFailover)
      pipeline.connection.replace(connection, 'the server is a replica now');
    // TRYAGAIN, or an error after ASK: the slot is moving, and a refresh would find nothing new.
    if (asking === null && !error.message.startsWith('TRYAGAIN')) this.#refreshTopology();
    if (call.isProbe) this.#retries.reject(call, unavailableError(this.#retries.broker, causeOf(error)));
    else this.#retries.backOff(call, causeOf(error));
  }

  /** Sends the call where MOVED or ASK says. It is not in doubt: a node that redirects has carried out nothing. */
  #followRedirect(call: Call, { kind, slot, to }: Redirect, { node }: NodePipeline): void {
    call.redirects += 1;
    if (kind === 'ask') call.asking = this.#topology.nodeNameOf(to, node);
    else this.#topology.recordMove(slot, to, node);
    if (call.redirects % MAX_REDIRECTS === 0)
      this.#retries.backOff(call, 'the nodes of the cluster send the call back and forth');
    else this.send(call);
  }

  #refuseAll(calls: readonly Call[], reply: Error): void {
    for (const call of calls) this.#retries.refuse(call, reply);
  }
}
