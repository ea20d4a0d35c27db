import { describe } from 'vitest';
import { asLimitedUser, LIMITED_USER } from '../support/limited-user.ts';
import { hasRedis } from '../support/redis-server.ts';
import { brokerSuite } from './broker.ts';
import { redisHarness } from './redis-harness.ts';

describe.skipIf(!hasRedis())('conformance with few rights', () => {
  brokerSuite(redisHarness({ name: 'Redis, limited user', args: LIMITED_USER, url: asLimitedUser }));
});
