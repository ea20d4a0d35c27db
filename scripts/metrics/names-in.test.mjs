import { expect, test } from 'vitest';
import { metricsIn } from './names-in.mjs';

const DEFINITIONS = {
  taskcenter_queue_tasks: { type: 'gauge', labels: ['queue', 'state'] },
  taskcenter_task_wait_seconds: { type: 'histogram', labels: ['queue'] },
};
const namesOf = (expression) => [...metricsIn(expression, DEFINITIONS)];

test('the metrics of an expression are found, histograms by each of their parts', () => {
  expect(namesOf('max by (queue) (taskcenter_queue_tasks{state="pending"}) > 1')).toEqual([
    'taskcenter_queue_tasks',
  ]);
  expect(
    namesOf(
      'sum(rate(taskcenter_task_wait_seconds_sum[5m])) / sum(rate(taskcenter_task_wait_seconds_count[5m]))',
    ),
  ).toEqual(['taskcenter_task_wait_seconds']);
  expect(
    namesOf('histogram_quantile(0.9, sum by (le, queue) (rate(taskcenter_task_wait_seconds_bucket[1m])))'),
  ).toEqual(['taskcenter_task_wait_seconds']);
});

test.each([
  ['a name that no metric has', 'sum(taskcenter_queue_task)'],
  ['a histogram without its part', 'sum(taskcenter_task_wait_seconds)'],
  ['a part of what is no histogram', 'sum(taskcenter_queue_tasks_bucket)'],
  ['no metric', 'vector(1) > 0'],
  ['a label that it does not have, behind by', 'max by (queue, type) (taskcenter_queue_tasks)'],
  ['a label that it does not have, in braces', 'max(taskcenter_queue_tasks{status="pending"})'],
])('%s is refused', (_, expression) => {
  expect(() => metricsIn(expression, DEFINITIONS)).toThrow();
});
