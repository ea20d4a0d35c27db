import type { Attempt, Task } from '@task-center/api';
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

test('bytes that are no text are marked as base64, and so is an answer in the attempts', () => {
  const attempt = {
    number: 1,
    started_at: '',
    wait_ms: 1,
    duration_ms: 1,
    outcome: 'succeeded',
    error: null,
  };
  const response = { status: 200, body_base64: 'H4s=', truncated: false };
  const shown = textOf({
    payload_base64: '/wD+',
    result: 'H4s=',
    result_content_type: 'application/octet-stream',
    attempts: [{ ...attempt, reason: 'the body was cut', next_at: null, response }] as unknown as Attempt[],
  });
  expect(shown).toContain('payload   3 bytes in base64: /wD+');
  expect(shown).toContain('result    2 bytes in base64: H4s=');
  expect(shown).toMatch(
    /succeeded {2}200 \(the body was cut\) \(body is not text: --json has it in base64\)$/,
  );
});
