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

test('stacks follow the attempts, without control characters, and none of them twice', () => {
  const attempt = {
    started_at: 's',
    wait_ms: 1,
    duration_ms: 2,
    outcome: 'failed',
    reason: null,
    next_at: null,
  };
  const failed = (number: number, stack?: string) => ({
    ...attempt,
    number,
    error: { class: 'E', message: 'no', status: null, ...(stack !== undefined && { stack }) },
  });
  const attempts = [failed(1, 'E: no\n    at a'), failed(2), failed(3, 'E: no\n    at b\u001b[31m')];
  const text = textOf({ attempts: attempts as unknown as Attempt[] });
  expect(text).toContain(
    '\n\nattempt 1 failed:\n  E: no\n      at a\n\nattempt 3 failed:\n  E: no\n      at b',
  );
  expect(text).not.toContain('\u001b');
  const same = [failed(1, 'E: no\n    at a'), failed(2, 'E: no\n    at a')] as unknown as Attempt[];
  expect(textOf({ attempts: same })).not.toContain('attempt 2 failed');
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
