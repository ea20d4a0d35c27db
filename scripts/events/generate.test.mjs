import { expect, test } from 'vitest';
import { eventAreas, eventsPage } from './generate.mjs';

const SOURCE = `/** What queues do. */
export interface QueueEvents {
  /** Emitted when a task | is moved. */
  'task.moved': {
    /** Why. */
    readonly cause: string;
    readonly count: number;
  };
  /** Emitted when a group ends. */
  'group.ended': TaskRef & {
    readonly group: string;
  };
  /** Emitted at once. */
  'lease.gone': { readonly task: TaskRef };
}
`;

test('each event is in the table of its area, with its fields', () => {
  expect(eventAreas([SOURCE])).toEqual([
    {
      title: 'What queues do.',
      events: [
        { name: 'task.moved', text: 'When a task \\| is moved.', fields: ['cause', 'count'] },
        { name: 'group.ended', text: 'When a group ends.', fields: ['queue', 'id', 'group'] },
        { name: 'lease.gone', text: 'At once.', fields: ['task'] },
      ],
    },
  ]);
  expect(eventsPage([SOURCE])).toContain('| `lease.gone`  | At once.');
});
