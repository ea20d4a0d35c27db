import { describe, expect, test } from 'vitest';
import { Events } from './events.ts';

const lost = { task: { queue: 'default', id: 'a' }, cause: 'taken' } as const;

describe('events', () => {
  test('reach every listener until it is removed', () => {
    const events = new Events();
    const seen: string[] = [];
    const off = events.on('lease.lost', ({ task }) => void seen.push(`one ${task.id}`));
    events.on('lease.lost', ({ task }) => void seen.push(`two ${task.id}`));
    events.emit('lease.lost', lost);
    off();
    events.emit('lease.lost', lost);
    expect(seen).toEqual(['one a', 'two a', 'two a']);
  });

  test('need not be built when nothing listens', () => {
    const events = new Events();
    expect(events.has('lease.lost')).toBe(false);
    const off = events.on('lease.lost', () => {});
    expect(events.has('lease.lost')).toBe(true);
    expect(events.has('tasks.expired')).toBe(false);
    off();
    expect(events.has('lease.lost')).toBe(false);
  });
});
