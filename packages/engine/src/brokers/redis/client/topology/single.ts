import type { ConnectionTarget, RedisTarget } from '../url.ts';
import type { Topology } from './topology.ts';

const SINGLE_NODE = 'server';

/** One place, with nothing to find out. */
export function createSingleTopology({ nodes, tls, username, password, database }: RedisTarget): Topology {
  const [address] = nodes;
  if (!address) throw new TypeError('a target without an address');
  const only: ConnectionTarget = { address, tls, username, password, database };
  return {
    clustered: false,
    hasFailover: false,
    nodeOf: () => SINGLE_NODE,
    nodes: () => [SINGLE_NODE],
    locate: () => Promise.resolve(only),
    verify: () => Promise.resolve(),
    recordMove() {},
    nodeNamed: () => SINGLE_NODE,
    refresh: () => Promise.resolve(),
    onChange() {},
    watch() {},
    close() {},
  };
}
