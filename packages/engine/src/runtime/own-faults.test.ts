import { describe, expect, test } from 'vitest';
import { decisiveOf, lookupError, ownFaultOf } from './own-faults.ts';

const failed = (code: string, syscall = 'connect') => Object.assign(new Error(code), { code, syscall });

describe('a fault is on this side', () => {
  test.each([
    ['EMFILE', true],
    ['ENFILE', true],
    ['ENOBUFS', true],
    ['ENOMEM', true],
    ['EAI_MEMORY', true],
    ['EADDRNOTAVAIL', false],
    ['EACCES', false],
    ['EPERM', false],
    ['ENETDOWN', false],
  ])('for %s; something has run out: %s', (code, isLack) => {
    expect(ownFaultOf(failed(code))).toMatchObject({ code, isLack });
  });

  test.each([
    'ECONNREFUSED',
    'ECONNRESET',
    'ETIMEDOUT',
    'ENETUNREACH',
    'EHOSTUNREACH',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EAI_FAIL',
    'EPIPE',
    'CERT_HAS_EXPIRED',
    'EPROTO',
    'constructor',
    '',
  ])('but not for "%s"', (code) => {
    expect(ownFaultOf(failed(code))).toBeNull();
  });

  test('and what is no error of the system is none of ours', () => {
    for (const thrown of [null, undefined, 'EMFILE', { code: 24 }]) expect(ownFaultOf(thrown)).toBeNull();
  });
});

describe('of several addresses', () => {
  test.each([
    [['ECONNREFUSED', 'EMFILE'], 'EMFILE'],
    [['EADDRNOTAVAIL', 'ECONNREFUSED'], 'ECONNREFUSED'],
    [['EADDRNOTAVAIL', 'EADDRNOTAVAIL'], 'EADDRNOTAVAIL'],
    [['ETIMEDOUT', 'ECONNREFUSED'], 'ETIMEDOUT'],
  ])('with %j %s decides', (codes, decisive) => {
    expect(decisiveOf(codes.map((code) => failed(code)))).toMatchObject({ code: decisive });
  });
});

test('a lookup that failed with descriptors left is the error that it says', () => {
  const error = failed('EAI_AGAIN', 'getaddrinfo');
  expect(lookupError(error)).toBe(error);
});
