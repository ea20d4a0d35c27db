import { describe, expect, test } from 'vitest';
import { anchorsIn, findBannedWords, linksIn } from './words.mjs';

const linesOf = (text, isPage = false) => findBannedWords(text, isPage).map(({ line }) => line);

describe('banned words', () => {
  test('are found in code, with their line and advice', () => {
    expect(findBannedWords('const a = 1;\n// Waits, so that it ends.', false)).toEqual([
      { line: 2, fault: '"so that": say the purpose in a sentence of its own' },
    ]);
  });

  test('are found where a comment breaks between them', () => {
    expect(linesOf(' * It waits so\n * that it ends.')).toEqual([1]);
    expect(linesOf('It holds 50 MB, of\nwhich 8 are ours.', true)).toEqual([1]);
  });

  test('are not made of two comments that have nothing between them', () => {
    expect(linesOf('// It is done so\n\n// that it ends.')).toEqual([]);
  });

  test('may be quoted as code in a page', () => {
    expect(linesOf('Not `so that`.\n\n```\nso that\n```\n\nBut so that.', true)).toEqual([7]);
  });

  test('include a sentence that begins with Who, but no question', () => {
    expect(linesOf('// Who holds it may renew it.\n// Who holds it?')).toEqual([1]);
  });
});

describe('headings of a page', () => {
  test('have anchors without signs and capitals; the same again has a number', () => {
    expect([...anchorsIn('# The `tc` fields, 2.5\n## Groups\ntext\n## Groups\n')]).toEqual([
      'the-tc-fields-25',
      'groups',
      'groups-1',
    ]);
  });

  test('are not the comments of a quoted script', () => {
    expect([...anchorsIn('# One\n```sh\n# two\n```\n')]).toEqual(['one']);
  });
});

describe('links of a page', () => {
  test('are found with their line, those of other hosts left out', () => {
    expect(linksIn('[a](b.md#c) and\n![d](e.svg) [f](https://g.org)\n[h]: ../i.md')).toEqual([
      { line: 1, target: 'b.md#c' },
      { line: 2, target: 'e.svg' },
      { line: 3, target: '../i.md' },
    ]);
  });

  test('are not looked for in code', () => {
    expect(linksIn('`[a](b.md)`')).toEqual([]);
  });
});
