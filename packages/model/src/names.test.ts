import { describe, expect, test } from 'vitest';
import {
  BUILT_IN_QUEUES,
  logicalQueue,
  nameFault,
  queueNameFault,
  storedQueue,
  storedQueues,
} from './names.ts';

describe('a queue name', () => {
  test.each([
    ...BUILT_IN_QUEUES,
    'Order mail',
    'größe',
    '東京',
    'a:b',
    'a~',
    '~',
    'a~b c',
    ' a ',
    'x'.repeat(255),
  ])('%j can be used', (name) => {
    expect(queueNameFault(name)).toBeNull();
  });

  test.each([
    ['', 'blank'],
    [' \u3000', 'blank'],
    ['x'.repeat(256), '255 bytes'],
    ['ü'.repeat(128), '255 bytes'],
    ['a{b', 'braces'],
    ['a}b', 'braces'],
    ['a\nb', 'control'],
    ['a\u0000b', 'control'],
    ['a\u009bb', 'control'],
    ['a\u202eb', 'control'],
    ['a\u2028b', 'control'],
    ['a\ud800', 'Unicode'],
    ['orders~cb', 'reserved'],
    ['..', 'URL'],
    ['orders~1', 'reserved'],
  ])('%j is refused: %s', (name, why) => {
    expect(queueNameFault(name)).toContain(why);
  });
});

describe('a type name', () => {
  test('may have the ending that is reserved for queues', () => {
    expect(nameFault('mail~1')).toBeNull();
  });

  test.each(['', 'a{b}', ' ', 'x\t', 'x'.repeat(256)])('%j is refused', (name) => {
    expect(nameFault(name)).not.toBeNull();
  });
});

describe('a stored queue', () => {
  test.each([
    ['orders', 'handler', 'orders'],
    ['orders', 'callback', 'orders~cb'],
  ] as const)('of queue %s for a %s is %s, and leads back to both', (name, kind, stored) => {
    expect(storedQueue(name, kind)).toBe(stored);
    expect(logicalQueue(stored)).toEqual({ name, kind });
  });

  test('comes with the one of the other kind, callbacks first', () => {
    expect(storedQueues('orders')).toEqual(['orders~cb', 'orders']);
  });
});
