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

const FENCED = /^( *)(```|~~~).*\n[\s\S]*?^\1\2.*$/gm;
const CODE_SPAN = /(`+)[^`][\s\S]*?\1/g;
const blank = (text) => text.replace(/[^\n]/g, ' ');

/** A page without its code: quoted code is not prose. Lines stay where they are. */
const proseOf = (page) => page.replace(FENCED, blank).replace(CODE_SPAN, blank);

/** The start of a comment's line, or of a quotation in a page. */
const LEADER = /^\s*(\*(?!\/)|\/\/|--|>)?\s*/;

/** What the rules find in line `index`, and across its end when a sentence goes on in the next line. */
function breachesIn(lines, index) {
  const line = lines[index];
  const found = RULES.map((rule) => ({ ...rule, match: rule.pattern.exec(line) }));
  const isProse = LEADER.exec(line)[1] !== undefined;
  const joined = `${line} ${(lines[index + 1] ?? '').replace(LEADER, '')}`;
  return found
    .map((rule) => {
      if (rule.match || !isProse) return rule;
      const match = rule.pattern.exec(joined);
      const crosses = match && match.index < line.length && match.index + match[0].length > line.length + 1;
      return crosses ? { ...rule, match } : rule;
    })
    .filter(({ match }) => match);
}
