import { describe } from 'vitest';
import { hasRedis } from '../support/redis-server.ts';
import { brokerSuite } from './broker.ts';
import { redisHarness } from './redis-harness.ts';

describe.skipIf(!hasRedis())('conformance', () => {
  brokerSuite(redisHarness());
});
