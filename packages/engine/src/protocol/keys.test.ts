import { expect, test } from 'vitest';
import * as keys from './keys.ts';

const server = { host: 'h', pid: 7, serverId: 's' };

test.each([
  [keys.QUEUES_KEY, 'asynq:queues'],
  [keys.SERVERS_KEY, 'asynq:servers'],
  [keys.WORKERS_KEY, 'asynq:workers'],
  [keys.SCHEDULERS_KEY, 'asynq:schedulers'],
  [keys.CANCEL_CHANNEL, 'asynq:cancel'],
  [keys.serverInfoKey(server), 'asynq:servers:{h:7:s}'],
  [keys.workersKey(server), 'asynq:workers:{h:7:s}'],
  [keys.schedulerEntriesKey('h:7:s'), 'asynq:schedulers:{h:7:s}'],
  [keys.schedulerHistoryKey('e'), 'asynq:scheduler_history:e'],
  [keys.pendingKey('a b'), 'asynq:{a b}:pending'],
  [keys.activeKey('q'), 'asynq:{q}:active'],
  [keys.leaseKey('q'), 'asynq:{q}:lease'],
  [keys.scheduledKey('q'), 'asynq:{q}:scheduled'],
  [keys.retryKey('q'), 'asynq:{q}:retry'],
  [keys.archivedKey('q'), 'asynq:{q}:archived'],
  [keys.completedKey('q'), 'asynq:{q}:completed'],
  [keys.pausedKey('q'), 'asynq:{q}:paused'],
  [keys.taskKey('q', 'id'), 'asynq:{q}:t:id'],
  [`${keys.taskKeyPrefix('q')}id`, 'asynq:{q}:t:id'],
  [keys.processedKey('q'), 'asynq:{q}:processed'],
  [keys.failedKey('q'), 'asynq:{q}:failed'],
  [keys.processedOnKey('q', '2026-05-14'), 'asynq:{q}:processed:2026-05-14'],
  [keys.failedOnKey('q', '2026-05-14'), 'asynq:{q}:failed:2026-05-14'],
  [keys.uniqueKeyPrefix('q'), 'asynq:{q}:unique:'],
  [keys.groupsKey('q'), 'asynq:{q}:groups'],
  [keys.groupKey('q', 'a:b'), 'asynq:{q}:g:a:b'],
  [`${keys.groupKeyPrefix('q')}a:b`, 'asynq:{q}:g:a:b'],
  [keys.aggregationSetsKey('q'), 'asynq:{q}:aggregation_sets'],
])('%s is the name that Asynq uses', (key, expected) => {
  expect(key).toBe(expected);
});

test.each([
  keys.tokenKey('q'),
  keys.receiptsKey('q', 'client'),
  keys.ownStateKey('q', 'cancelled'),
  keys.scanKey('q'),
  keys.doubtsKey('q'),
  keys.renamedKeyPrefix('q'),
  keys.configKey('q'),
  keys.dueKey('q'),
  keys.backlogKey('q'),
  keys.businessesKey('q'),
])('our key %s has the hash tag of its queue', (key) => {
  expect(key).toMatch(/^tc:\{q\}:/);
});
