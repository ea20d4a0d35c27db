// Finds banned words in a text, and headings and links in a page. `check-words.mjs` applies it to the repository.

/** Each rule: what is refused, and what to write. */
const RULES = [
  { pattern: /\bso that\b/i, advice: 'say the purpose in a sentence of its own' },
  { pattern: /\bwho(m)?ever\b/i, advice: 'name the one who acts: the caller, the worker, a process' },
  { pattern: /\bso (long|many|much|often)\b/i, advice: 'name the quantity: for 2 s, at most 256' },
  { pattern: /\bas long as it may\b/i, advice: 'say until when' },
  { pattern: /\bof which\b/i, advice: 'start a new sentence' },
  { pattern: /\bthat which\b/i, advice: 'name the thing' },
  { pattern: /\b(is|are|was|were) to be\b/i, advice: 'write must, will or should' },
  { pattern: /\bnobody\b[^.;]*\bbut\b/i, advice: 'write only' },
  {
    pattern: /(^|[.:;] )\s*(\/\*\*|\*|\/\/|--)?\s*Who [^?]*$/,
    advice: 'begin with the noun: a caller that …, a worker that …',
  },
  {
    pattern: /\b(MOST|LONGEST|LARGEST|SHORTEST|SMALLEST|FEWEST|LEAST|DEEPEST)_[A-Z]/,
    advice: 'limits are MAX_ and MIN_',
  },
  {
    pattern: /\((design|protocol|reliability|data model|api|requirements|handbook|house)( [A-Z]?\d|,|\))/,
    advice: 'give the reason in words; beside it a page such as docs/design/protocol.md#unique-locks',
  },
];

const FENCED = /^( *)(```|~~~).*\n[\s\S]*?^\1\2 *$/gm;
const CODE_SPAN = /(`+)[^`](?:(?!\n\n)[\s\S])*?\1/g;
const blank = (text) => text.replace(/[^\n]/g, ' ');

/** A page without its code, as quoted code is not prose. Every other character stays at its line and column. */
const proseOf = (page) => page.replace(FENCED, blank).replace(CODE_SPAN, blank);

/** What begins a comment's line, or a quotation in a page. */
const LEADER = /^\s*(?:\*(?!\/)|\/\/|--|>)?\s*/;

/** The match of a pattern that begins in the line; it may end in the next one. Otherwise null. */
function matchAt(pattern, line, nextLine) {
  const match = pattern.exec(line);
  if (match) return match;
  const joined = `${line} ${nextLine.replace(LEADER, '')}`;
  const wrapped = pattern.exec(joined);
  const crosses = wrapped?.index < line.length && wrapped.index + wrapped[0].length > line.length + 1;
  return crosses ? wrapped : null;
}

/**
 * What the rules find in a text.
 *
 * @param isPage whether it is Markdown; its code is skipped then
 * @returns `{ line, fault }` each, the line counted from 1
 */
export function findBannedWords(text, isPage) {
  const lines = (isPage ? proseOf(text) : text).split('\n');
  return lines.flatMap((line, index) =>
    RULES.flatMap(({ pattern, advice }) => {
      const match = matchAt(pattern, line, lines[index + 1] ?? '');
      return match ? [{ line: index + 1, fault: `"${match[0].trim()}": ${advice}` }] : [];
    }),
  );
}

/** The anchors of a page's headings, as code hosts make them; a heading that comes again has `-1`, `-2` … behind it. */
export function anchorsIn(page) {
  const anchors = new Set();
  for (const [, heading] of page.replace(FENCED, blank).matchAll(/^#+ +(.*?)[ #]*$/gm)) {
    const base = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
    let anchor = base;
    for (let again = 1; anchors.has(anchor); again += 1) anchor = `${base}-${again}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** The targets of a page's links and images, without those that lead to other hosts: `{ line, target }` each. */
export function linksIn(page) {
  return proseOf(page)
    .split('\n')
    .flatMap((line, index) =>
      [...line.matchAll(/\]\(<?([^)\s>]+)|^ *\[[^\]]+\]: +<?([^\s>]+)/g)]
        .map(([, inline, defined]) => ({ line: index + 1, target: inline ?? defined }))
        .filter(({ target }) => !/^[a-z][a-z+.-]*:/i.test(target)),
    );
}
