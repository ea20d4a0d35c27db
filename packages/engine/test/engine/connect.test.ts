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
