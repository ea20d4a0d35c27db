import type { Runtime } from '../../../../runtime/runtime.ts';
import type { ConnectionTarget, RedisTarget } from '../url.ts';
import { ClusterTopology } from './cluster.ts';
import { SentinelTopology } from './sentinel.ts';
import type { Topology } from './topology.ts';

/** The name of the only node. */
const SINGLE_NODE = 'server';

/** A single server that has all keys; there is nothing to discover. */
function createSingleTopology({ nodes, tls, username, password, database }: RedisTarget): Topology {
  const [address] = nodes;
  if (!address) throw new TypeError('a target without an address');
  const server: ConnectionTarget = { address, tls, username, password, database };
  return {
    isClustered: false,
    hasFailover: false,
    nodeOf: () => SINGLE_NODE,
    nodes: () => [SINGLE_NODE],
    locate: () => Promise.resolve(server),
    verify: () => Promise.resolve(),
    recordMove() {},
    nodeNameOf: () => SINGLE_NODE,
    refresh: () => Promise.resolve(),
    onChange() {},
    watch() {},
    close() {},
  };
}

/** The topology behind a URL, by its kind. It connects when it is asked for the first time. */
export function createTopology(target: RedisTarget, runtime: Runtime): Topology {
  switch (target.kind) {
    case 'single':
      return createSingleTopology(target);
    case 'sentinel':
      return new SentinelTopology(target, runtime);
    case 'cluster':
      return new ClusterTopology(target, runtime);
  }
}
