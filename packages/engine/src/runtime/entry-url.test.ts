import { describe, expect, test } from 'vitest';
import { entryUrl } from './entry-url.ts';

describe('the URL of an entry file', () => {
  test('is that of the built file when this code runs from source', () => {
    const url = entryUrl('brokers/sqlite/thread/writer.thread');
    expect(url.href).toMatch(/\/packages\/engine\/dist\/brokers\/sqlite\/thread\/writer\.thread\.js$/);
  });
});
