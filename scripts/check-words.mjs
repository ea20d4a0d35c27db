// node scripts/check-words.mjs [path …]: the words that CONTRIBUTING bans, and references that lead nowhere, in code,
// tests, Lua and SQL. `npm run check` runs it over everything. Exits with 1 and names each place.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './tools.mjs';

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

const PAGE = /\bdocs\/[\w/.-]+\.md(?:#([\w-]+))?/g;
const ADR = /\bADR (\d+)\b/g;
const IS_CODE = /\.(ts|mjs|lua|sql|go)$/;
const IS_PAGE = /\.md$/;

const listFiles = (args) =>
  execFileSync('git', ['ls-files', '-co', '--exclude-standard', ...args], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
    .split('\n')
    .filter((path) => path !== '' && existsSync(join(root, path)));

/** A heading's anchor, as code hosts make it. */
const anchorOf = (heading) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

const anchorsByPage = new Map();
function anchorsIn(page) {
  let anchors = anchorsByPage.get(page);
  if (!anchors) {
    const text = readFileSync(join(root, page), 'utf8');
    anchors = new Set([...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading)));
    anchorsByPage.set(page, anchors);
  }
  return anchors;
}

const adrs = new Set(listFiles(['docs/adr']).map((path) => Number(/(\d{4})-/.exec(path)?.[1])));

function brokenReferences(line) {
  const faults = [];
  for (const [reference, anchor] of line.matchAll(PAGE)) {
    const [page] = reference.split('#');
    if (!existsSync(join(root, page))) faults.push(`${page} does not exist`);
    else if (anchor !== undefined && !anchorsIn(page).has(anchor))
      faults.push(`${page} has no heading #${anchor}`);
  }
  for (const [reference, number] of line.matchAll(ADR))
    if (!adrs.has(Number(number))) faults.push(`${reference} does not exist`);
  return faults;
}

/** What is wrong with one line, each fault with advice. */
function faultsIn(line, isCode) {
  const words = isCode ? RULES.filter(({ pattern }) => pattern.test(line)) : [];
  const texts = words.map(({ pattern, advice }) => `"${pattern.exec(line)[0].trim()}": ${advice}`);
  return [...texts, ...brokenReferences(line)];
}

const asked = process.argv.slice(2);
const paths = listFiles(asked).filter(
  (path) =>
    (IS_CODE.test(path) || IS_PAGE.test(path)) &&
    !path.includes('.generated.') &&
    !path.startsWith('docs/adr/') &&
    path !== 'scripts/check-words.mjs',
);
let count = 0;
for (const path of paths) {
  readFileSync(join(root, path), 'utf8')
    .split('\n')
    .forEach((line, index) => {
      for (const fault of faultsIn(line, IS_CODE.test(path))) {
        count += 1;
        console.log(`${path}:${index + 1}: ${fault}`);
      }
    });
}
if (count > 0) process.exitCode = 1;
console.log(count === 0 ? `words: ${paths.length} files, nothing found` : `words: ${count} found`);
