import type { Task } from '@task-center/api';
import { expect, test } from 'vitest';
import { taskText } from './task-text.ts';

const NOTHING = { payload: null, result: null };
const textOf = (task: Partial<Task>) =>
  taskText(
    { id: 'a', state: 'scheduled', attempt: 0, max_attempts: 4, deferrals: 0, ...task } as Task,
    NOTHING,
    (_, text) => text,
  );

test('a task that was given back says how often, and what it waits for', () => {
  expect(textOf({ deferrals: 3, waiting_for: 'no worker for this type' }).split('\n').slice(-3)).toEqual([
    '  attempts    0 of 4',
    '  given back  3 times',
    '  waits for   no worker for this type',
  ]);
  expect(textOf({ waiting_for: null })).toBe('a  scheduled\n  attempts  0 of 4');
});
