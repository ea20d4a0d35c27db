import { describe, expect, it } from 'vitest';
import { lua } from '../scripts/lua.generated.ts';
import { missingRights, NEEDED_RIGHTS } from './rights.ts';

/** Commands that show figures to people, or are for fsck: a user without them can do all the rest. */
const FOR_PEOPLE = new Set(['MEMORY', 'SCAN', 'HSCAN', 'ZSCAN', 'HSTRLEN']);

const answers = (isAllowed: (command: string, key: string) => boolean) =>
  missingRights(NEEDED_RIGHTS.map(([command = '', ...args]) => isAllowed(command, args.at(0) ?? '')));

describe('the rights that are asked for', () => {
  it('are those of every command in every script', () => {
    const asked = new Set(NEEDED_RIGHTS.map(([command]) => command));
    const called = Object.values(lua).flatMap(({ text }) =>
      [...text.matchAll(/redis\.p?call\(\s*'([A-Z]+)'/g)].map(([, command = '']) => command),
    );
    const missing = called.filter((command) => !asked.has(command) && !FOR_PEOPLE.has(command));
    expect([...new Set(missing)]).toEqual([]);
  });
});

describe('what is missing', () => {
  it('is nothing when all is allowed', () => {
    expect(answers(() => true)).toEqual([]);
  });

  it('is a command when no key may be used with it', () => {
    expect(answers((command) => command !== 'ZADD')).toEqual(['the command ZADD']);
  });

  it('is a command on some keys when others may be used with it', () => {
    expect(answers((command, key) => command !== 'SET' || !key.startsWith('tc:'))).toEqual([
      'SET on the keys tc:*',
    ]);
  });

  it('is all of it when nothing is allowed', () => {
    expect(answers(() => false)).toEqual([
      'the keys asynq:*',
      'the keys tc:*',
      'the command TIME',
      'the command CLIENT TRACKING',
      'the channel asynq:cancel (for SUBSCRIBE and PUBLISH)',
    ]);
  });
});
