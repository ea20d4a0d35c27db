import type { Runtime } from '../../../../runtime/runtime.ts';
import type { RedisTarget } from '../url.ts';
import { createClusterTopology } from './cluster.ts';
import { createSentinelTopology } from './sentinel.ts';
import { createSingleTopology } from './single.ts';
import type { Topology } from './topology.ts';

/** The servers behind a URL. */
export function createTopology(target: RedisTarget, runtime: Runtime): Topology {
  switch (target.kind) {
    case 'single':
      return createSingleTopology(target);
    case 'sentinel':
      return createSentinelTopology(target, runtime);
    case 'cluster':
      return createClusterTopology(target, runtime);
  }
}
