import type { Runtime } from '../../../../runtime/runtime.ts';
import type { RedisTarget } from '../url.ts';
import { createCluster } from './cluster.ts';
import { createSentinel } from './sentinel.ts';
import { createSingle } from './single.ts';
import type { Topology } from './topology.ts';

/** The servers behind a URL. */
export function createTopology(target: RedisTarget, runtime: Runtime): Topology {
  switch (target.kind) {
    case 'single':
      return createSingle(target);
    case 'sentinel':
      return createSentinel(target, runtime);
    case 'cluster':
      return createCluster(target, runtime);
  }
}
