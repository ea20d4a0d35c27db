import { expect, test } from 'vitest';
import { connect } from '../../src/connect.ts';

test.each(['', 'sqlite:', 'sqlite::memory:', 'mysql://127.0.0.1/db', '127.0.0.1:6379'])(
  'refuses "%s" as the URL of a broker',
  async (url) => {
    await expect(connect(url)).rejects.toMatchObject({
      code: 'invalid-value',
      details: { name: 'broker URL', got: JSON.stringify(url) },
    });
  },
);

test.each(['eviction', null, { eviction: true }])('refuses %o as the findings to allow', async (allow) => {
  const connected = connect('sqlite:/nowhere/tasks.db', { allow: allow as never });
  await expect(connected).rejects.toMatchObject({ code: 'invalid-value', details: { name: 'allow' } });
});
