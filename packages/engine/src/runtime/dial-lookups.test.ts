import { afterAll, expect, test, vi } from 'vitest';
import { systemClock } from './clock.ts';

const lookup = vi.fn();
// Files share their modules: this one loads its own, and leaves none to others.
vi.resetModules();
vi.doMock('node:dns/promises', () => ({ lookup }));
const { dial } = await import('./dial.ts');
afterAll(() => {
  vi.doUnmock('node:dns/promises');
  vi.resetModules();
});

const toSlow = () =>
  dial({ host: 'slow.test', port: 1, clock: systemClock, signal: AbortSignal.timeout(5_000) });

test('connections that need the address of the same name at the same time share a lookup, and its failure', async () => {
  let fail: (error: Error) => void = () => {};
  lookup.mockImplementation(() => new Promise((_, reject) => (fail = reject)));
  const dialled = Promise.allSettled(Array.from({ length: 12 }, toSlow));
  expect(lookup).toHaveBeenCalledTimes(1);
  fail(Object.assign(new Error('no answer'), { code: 'EAI_AGAIN', syscall: 'getaddrinfo' }));
  for (const result of await dialled) expect(result).toMatchObject({ reason: { code: 'EAI_AGAIN' } });
  const again = toSlow();
  expect(lookup).toHaveBeenCalledTimes(2);
  fail(new Error('no answer'));
  await expect(again).rejects.toThrow('no answer');
});
