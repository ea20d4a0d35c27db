import { describe, expect, test } from 'vitest';
import { checkedCron, checkedQueueName, checkedTaskId, checkedTypeName } from './checked.ts';

const invalid = expect.objectContaining({ code: 'invalid-value' });

describe('a value that the model accepts', () => {
  test('is returned', () => {
    expect(checkedQueueName('Order mail')).toBe('Order mail');
    expect(checkedTypeName('mail~1')).toBe('mail~1');
    expect(checkedTaskId('order:1001')).toBe('order:1001');
  });
});

describe('a value that the model refuses', () => {
  test.each([
    [() => checkedQueueName('orders~cb'), 'reserved'],
    [() => checkedTypeName('a{b}'), 'braces'],
    [() => checkedTaskId('a.b'), 'id is not valid'],
    [() => checkedCron('* * * *'), 'The schedule is not valid'],
    [() => checkedCron('60 * * * *'), 'The minute of the schedule "60 * * * *"'],
    [() => checkedCron('0 0 31 2 *'), 'The day of month of the schedule'],
    [() => checkedCron('@every 1.5s'), 'The interval of the schedule'],
    [() => checkedCron('TZ=Nowhere/Else @daily'), 'The time zone of the schedule'],
  ])('is an error that says why: %s', (check, why) => {
    expect(check).toThrow(invalid);
    expect(check).toThrow(why);
  });

  test('appears in an error without its control characters', () => {
    const escape = String.fromCharCode(27);
    expect(() => checkedQueueName(`a${escape}[31m\n`)).toThrow(
      expect.objectContaining({
        message: expect.toSatisfy((text: string) => !text.includes(escape) && !text.includes('\n')),
      }),
    );
  });
});

test('an unknown default zone is refused, and the error names it', () => {
  expect(() => checkedCron('@daily', { timeZone: 'Nowhere/Else' })).toThrow(/Nowhere\/Else/);
});
