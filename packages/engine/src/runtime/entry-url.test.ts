import { describe, expect, test } from 'vitest';
import { entryUrl } from './entry-url.ts';

describe('the URL of an entry file', () => {
  test('is the built file when this runs from source', () => {
    const url = entryUrl('brokers/sqlite/thread/writer.thread');
    expect(url.href).toMatch(/\/packages\/engine\/dist\/brokers\/sqlite\/thread\/writer\.thread\.js$/);
  });
});
