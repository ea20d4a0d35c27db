import type { Runtime } from '../../../../runtime/runtime.ts';
import type { RedisTarget } from '../url.ts';
import { ClusterTopology } from './cluster.ts';
import { SentinelTopology } from './sentinel.ts';
import { createSingleTopology } from './single.ts';
import type { Topology } from './topology.ts';

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
