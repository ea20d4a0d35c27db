import type { LinkTarget, RedisTarget } from '../url.ts';
import type { Topology } from './topology.ts';

const ONLY = 'server';

/** One place, with nothing to find out. */
export function createSingle({ nodes, tls, username, password, database }: RedisTarget): Topology {
  const [address] = nodes;
  if (!address) throw new TypeError('a target without an address');
  const only: LinkTarget = { address, tls, username, password, database };
  return {
    clustered: false,
    elects: false,
    placeOf: () => ONLY,
    places: () => [ONLY],
    locate: () => Promise.resolve(only),
    approve: () => Promise.resolve(),
    moved() {},
    placeNamed: () => ONLY,
    refresh: () => Promise.resolve(),
    onChange() {},
    watch() {},
    close() {},
  };
}
