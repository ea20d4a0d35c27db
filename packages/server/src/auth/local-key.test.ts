import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatApiKey, parseApiKey } from '@task-center/api';
import { secretHash } from './key-record.ts';
import { newApiKey } from './local-key.ts';

const EXAMPLE = 'tc_live_7k2m9q4x8d1w_JAanpjzMehrxcMTxd5w2acQ8bcDyyCiBSPploaLC5Bk1slMDg';

test('the example key of the API is valid and is split into its fields', () => {
  expect(parseApiKey(EXAMPLE)).toEqual({
    env: 'live',
    id: '7k2m9q4x8d1w',
    secret: 'JAanpjzMehrxcMTxd5w2acQ8bcDyyCiBSPploaLC5Bk',
  });
});

test('any single wrong character is detected', () => {
  fc.assert(
    fc.property(fc.nat(EXAMPLE.length - 1), fc.constantFrom(...Array.from('09AZaz_')), (at, letter) => {
      const wrong = EXAMPLE.slice(0, at) + letter + EXAMPLE.slice(at + 1);
      if (wrong !== EXAMPLE) expect(parseApiKey(wrong)).toBeNull();
    }),
  );
});

test('a new key reads back as itself, and no two keys are equal', () => {
  const keys = Array.from({ length: 50 }, () => newApiKey('live'));
  for (const key of keys) expect(parseApiKey(formatApiKey(key))).toEqual(key);
  expect(new Set(keys.map(({ id }) => id)).size).toBe(50);
});

test('the stored form of a secret is its SHA-256', () => {
  expect(secretHash('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

test.each(['', 'tc_', `${EXAMPLE} `, EXAMPLE.toUpperCase(), EXAMPLE.slice(0, -1)])(
  '%j is not a key',
  (text) => {
    expect(parseApiKey(text)).toBeNull();
  },
);
