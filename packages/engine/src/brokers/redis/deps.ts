import type { Runtime } from '../../runtime/runtime.ts';
import type { RedisClient } from './client/redis-client.ts';
import type { Registration } from './calls/registration.ts';
import type { Receipts } from './calls/receipts.ts';
import type { Topology } from './client/topology/topology.ts';
import type { RedisTarget } from './client/url.ts';

/** What the facets of a Redis broker are built from. */
export interface RedisDeps {
  readonly client: RedisClient;
  readonly receipts: Receipts;
  readonly registration: Registration;
  readonly runtime: Runtime;
  /** For facets that open connections of their own. */
  readonly target: RedisTarget;
  readonly topology: Topology;
}
