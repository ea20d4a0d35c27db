// node scripts/check-words.mjs [path …]: the words that CONTRIBUTING bans, and references and links that lead nowhere, in
// code, tests, Lua, SQL and pages. `npm run check` runs it over everything. Exits with 1 and names each place.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fail, root } from './tools.mjs';
import { anchorsIn, findBannedWords, linksIn } from './words.mjs';

const REFERENCE = /\bdocs\/[\w/.-]+\.md(?:#([\w-]+))?/g;
const ADR = /\bADR (\d+)\b/g;
const IS_CODE = /\.(ts|mjs|lua|sql|go)$/;
const IS_PAGE = /\.md$/;
/** Decisions and migrations keep the words of their time. Two files quote what is banned. */
const KEEPS_ITS_WORDS = /^(docs\/adr\/|.*\/migrations\/|scripts\/words(\.test)?\.mjs$)/;

const listFiles = (args) =>
  execFileSync('git', ['ls-files', '-co', '--exclude-standard', ...args], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
    .split('\n')
    .filter((path) => path !== '' && existsSync(join(root, path)));

const read = (path) => readFileSync(join(root, path), 'utf8');
const adrs = new Set(listFiles(['docs/adr']).map((path) => Number(/(\d{4})-/.exec(path)?.[1])));

const anchorsByPage = new Map();
function hasAnchor(page, anchor) {
  if (!anchorsByPage.has(page)) anchorsByPage.set(page, anchorsIn(read(page)));
  return anchorsByPage.get(page).has(anchor);
}

/** Why a path below the root, or a heading in it, does not exist; null when both do. */
function faultOfTarget(path, anchor) {
  if (!existsSync(join(root, path))) return `${path} does not exist`;
  if (anchor && IS_PAGE.test(path) && !hasAnchor(path, anchor)) return `${path} has no heading #${anchor}`;
  return null;
}

/** References from anywhere: `docs/….md#anchor` and `ADR n`. */
function findBrokenReferences(text) {
  return text.split('\n').flatMap((line, index) => {
    const pages = [...line.matchAll(REFERENCE)].map(([reference, anchor]) =>
      faultOfTarget(reference.split('#')[0], anchor),
    );
    const decisions = [...line.matchAll(ADR)].map(([reference, number]) =>
      adrs.has(Number(number)) ? null : `${reference} does not exist`,
    );
    return [...pages, ...decisions]
      .filter((fault) => fault !== null)
      .map((fault) => ({ line: index + 1, fault }));
  });
}

/** Links of a page, which are relative to it. */
function findBrokenLinks(page, text) {
  return linksIn(text).flatMap(({ line, target }) => {
    const [path, anchor] = decodeURI(target).split('#');
    const fault = faultOfTarget(path === '' ? page : posix.join(posix.dirname(page), path), anchor);
    return fault === null ? [] : [{ line, fault: `link to ${target}: ${fault}` }];
  });
}

function findFaults(path) {
  const text = read(path);
  const isPage = IS_PAGE.test(path);
  return [
    ...(KEEPS_ITS_WORDS.test(path) ? [] : findBannedWords(text, isPage)),
    ...findBrokenReferences(text),
    ...(isPage ? findBrokenLinks(path, text) : []),
  ];
}

const asked = process.argv.slice(2);
const paths = listFiles(asked).filter(
  (path) => (IS_CODE.test(path) || IS_PAGE.test(path)) && !path.includes('.generated.'),
);
if (asked.length > 0 && paths.length === 0) fail(`There is nothing to check at ${asked.join(', ')}.`);
const faults = paths.flatMap((path) =>
  findFaults(path).map(({ line, fault }) => `${path}:${line}: ${fault}`),
);
for (const fault of faults) console.log(fault);
console.log(
  faults.length === 0 ? `words: ${paths.length} files, nothing found` : `words: ${faults.length} found`,
);
process.exitCode = faults.length === 0 ? 0 : 1;
