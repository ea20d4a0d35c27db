import { describe } from 'vitest';
import { brokerSuite } from './broker.ts';
import { sqliteHarness } from './sqlite-harness.ts';

describe('conformance', () => {
  brokerSuite(sqliteHarness());
});
