import type { LinkTarget, RedisTarget } from '../url.ts';
import type { Topology } from './topology.ts';

const ONLY = 'server';

/** A topology with one place and nothing to find out. */
export function onePlace(how: Pick<Topology, 'elects' | 'locate' | 'approve'>): Topology {
  return {
    clustered: false,
    placeOf: () => ONLY,
    places: () => [ONLY],
    ...how,
    moved() {},
    placeNamed: () => ONLY,
    refresh: () => Promise.resolve(),
    onChange() {},
    watch() {},
    close() {},
  };
}

export function createSingle({ nodes, tls, username, password, database }: RedisTarget): Topology {
  const [address] = nodes;
  if (!address) throw new TypeError('a target without an address');
  const only: LinkTarget = { address, tls, username, password, database };
  return onePlace({ elects: false, locate: () => Promise.resolve(only), approve: () => Promise.resolve() });
}
