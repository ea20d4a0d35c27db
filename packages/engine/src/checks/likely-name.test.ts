import { expect, test } from 'vitest';
import { likelyName } from './likely-name.ts';

const TASK = ['queue', 'maxRetries', 'timeout', 'retention', 'unique', 'id', 'delay', 'runAt', 'backoff'];
const WORKER = ['queues', 'concurrency', 'lease', 'maxStall', 'shutdownTimeout', 'onError', 'runtime'];

test.each([
  ['attempts', 'maxRetries'],
  ['retries', 'maxRetries'],
  ['max_retries', 'maxRetries'],
  ['maxRetry', 'maxRetries'],
  ['MAXRETRIES', 'maxRetries'],
  ['jobId', 'id'],
  ['taskID', 'id'],
  ['processAt', 'runAt'],
  ['process_in', 'delay'],
  ['delayMs', 'delay'],
  ['timeoutSeconds', 'timeout'],
  ['removeOnComplete', 'retention'],
  ['ttl', 'retention'],
  ['qeue', 'queue'],
])('an option of a task %s is probably %s', (given, meant) => expect(likelyName(given, TASK)).toBe(meant));

test.each([
  ['concurency', 'concurrency'],
  ['leaseMs', 'lease'],
  ['shutdownTimeoutMs', 'shutdownTimeout'],
  ['gracePeriod', 'shutdownTimeout'],
  ['lockDuration', 'lease'],
  ['onFailed', 'onError'],
  ['queue', 'queues'],
])('an option of a worker %s is probably %s', (given, meant) =>
  expect(likelyName(given, WORKER)).toBe(meant),
);

test.each(['whatever', 'x'.repeat(10_000), '', 'é'])('for %j there is no likely name', (given) => {
  expect(likelyName(given, WORKER)).toBeNull();
});
