import { describe } from 'vitest';
import { hasRedis } from '../support/redis-server.ts';
import { brokerSuite } from './broker.ts';
import { clusterHarness } from './cluster-harness.ts';

describe.skipIf(!hasRedis())('conformance in a cluster', () => {
  brokerSuite(clusterHarness());
});
