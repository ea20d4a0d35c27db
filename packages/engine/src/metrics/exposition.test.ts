import { expect, test } from 'vitest';
import { expositionOf } from './exposition.ts';

test('families are written as lines of text, with special characters escaped', () => {
  const samples = [
    { labels: { queue: 'a "b" \\ c\nd', state: 'x' }, value: 1.5 },
    { labels: {}, value: 0 },
  ];
  expect(
    expositionOf([
      { name: 'm', type: 'gauge', help: 'one\ntwo \\ "three"', samples },
      { name: 'none', type: 'counter', help: '', samples: [] },
    ]),
  ).toBe(
    '# HELP m one\\ntwo \\\\ "three"\n# TYPE m gauge\nm{queue="a \\"b\\" \\\\ c\\nd",state="x"} 1.5\nm 0\n',
  );
});
