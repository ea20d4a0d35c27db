import { expect, test } from 'vitest';
import { expositionOf } from './exposition.ts';
import { writeLabels, type Visit } from './samples.ts';

test('families are written as lines of text, with special characters escaped', () => {
  const each = (visit: Visit) => {
    visit(writeLabels({ queue: 'a "b" \\ c\nd', state: 'x' }), 1.5);
    visit(writeLabels({}), 0);
  };
  expect(
    expositionOf([
      { name: 'm', type: 'gauge', help: 'one\ntwo \\ "three"', each },
      { name: 'none', type: 'counter', help: '', each: () => {} },
    ]),
  ).toBe(
    '# HELP m one\\ntwo \\\\ "three"\n# TYPE m gauge\nm{queue="a \\"b\\" \\\\ c\\nd",state="x"} 1.5\nm 0\n',
  );
});
