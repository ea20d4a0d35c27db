// Writes the results of a run into docs/performance.md, between its markers, and draws docs/performance.svg.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { chart } from './chart.mjs';
import { table } from './report.mjs';

const PAGE = fileURLToPath(new URL('../docs/performance.md', import.meta.url));
const CHART = fileURLToPath(new URL('../docs/performance.svg', import.meta.url));
const BEGIN = '<!-- bench:begin (written by `npm run bench -- … --write`) -->';
const END = '<!-- bench:end -->';

/** The last column of the table of targets. */
function answer(reached, floorReached) {
  if (reached === null) return 'not measured';
  if (reached) return 'yes';
  return floorReached ? 'no; the floor is' : 'no';
}

const targetRows = (targets) =>
  targets.map(({ what, target, value, floor, reached, floorReached }) => ({
    what,
    target,
    measured: value,
    floor,
    reached: answer(reached, floorReached),
  }));

function circumstances({ machine, rounds, scale }) {
  const facts = Object.entries(machine).map(([name, value]) => `${name}: ${value}`);
  const short = scale === 1 ? '' : ` **A short run (scale ${scale}): only that it works is shown.**`;
  return `Rounds of each job: ${rounds}.${short} ${facts.join('; ')}.`;
}

/** The generated part of the page, as paragraphs of Markdown. */
function sections({ tables, targets, peers, missing, ...run }) {
  const engine = tables.find(({ id }) => id.startsWith('engine'));
  return [
    `Reproduce: \`${run.command}\`, on a machine that does nothing else.`,
    circumstances(run),
    engine ? `![${engine.title}](performance.svg)` : '',
    '## Targets',
    table(targetRows(targets)),
    ...tables.flatMap(({ title, rows }) => [`## ${title}`, table(rows)]),
    '## How each peer was configured',
    peers.map(({ name, setup }) => `- **${name}**: ${setup}`).join('\n'),
    missing.map(({ peer, why }) => `- **${peer}** took no part: ${why}`).join('\n'),
  ].filter((section) => section !== '');
}

/** @param run the results, as `--json` prints them */
export async function write(run) {
  const page = readFileSync(PAGE, 'utf8');
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${PAGE} has lost the markers "${BEGIN}" and "${END}"`);
  const text = [page.slice(0, begin) + BEGIN, ...sections(run), page.slice(end)].join('\n\n');
  writeFileSync(PAGE, await format(text, { parser: 'markdown', printWidth: 110, singleQuote: true }));
  const engine = run.tables.find(({ id }) => id.startsWith('engine'));
  if (engine) writeFileSync(CHART, chart(engine.title, engine.rows));
}
