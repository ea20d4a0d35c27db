import { LATER, type Later } from '../later.ts';
import { DEPLOYMENTS } from './bed.ts';
import type { Histogram } from './recovery.ts';
import type { Result } from './results.ts';

/** Content of `faults/results.json`. */
export interface Results {
  /** The commit of the newest run. */
  readonly commit: string;
  readonly results: readonly Result[];
}

const GROUPS: readonly (readonly [letter: string, title: string])[] = [
  ['W', 'Workers and processes'],
  ['N', 'Network'],
  ['R', 'Redis server'],
  ['H', 'Sentinel and Cluster'],
  ['T', 'Time'],
  ['C', 'Schedules'],
  ['S', 'SQLite'],
  ['X', 'Poison and capacity'],
  ['U', 'Lifecycle'],
  ['O', 'Overload'],
];

const keyOf = ({ id, deployment }: Result) => `${id} ${deployment}`;
const numberOf = (id: string) => Number.parseInt(id.slice(1), 10);

function sortResults(results: readonly Result[]): Result[] {
  const rank = ({ id, deployment }: Result) => numberOf(id) * 100 + DEPLOYMENTS.indexOf(deployment);
  const group = ({ id }: Result) => GROUPS.findIndex(([letter]) => id.startsWith(letter));
  return [...results].sort((a, b) => group(a) - group(b) || rank(a) - rank(b));
}

/** Replaces the known result of each experiment and deployment that was run again. */
export function mergeResults(known: readonly Result[], ran: readonly Result[]): Result[] {
  const newest = new Map([...known, ...ran].map((result) => [keyOf(result), result]));
  return sortResults([...newest.values()]);
}

const seconds = (ms: number) => (ms / 1_000).toFixed(1);

const shownTimes = (found: Histogram | null): string =>
  found === null
    ? '–'
    : `${[found.p50, found.p90, found.p99, found.max].map(seconds).join(' / ')} (${found.n})`;

const shownCounts = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ') || '0';

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', '; ');

function row({ id, title, deployment, passed, error = '', verdict, facts, seed }: Result): string {
  const what = `${id} ${title}`;
  const measured = Object.entries(facts).map(([name, value]) => `${name}: ${value}`);
  const remarks = [passed ? '' : `**failed** (seed ${seed}): ${error}`, ...measured].filter(
    (text) => text !== '',
  );
  const figures =
    verdict === null
      ? ['–', '–', '–', '–', '–', '–']
      : [
          `${verdict.tasks.acked} / ${verdict.tasks.unknown} / ${verdict.tasks.refused}`,
          String(verdict.tasks.lost),
          shownCounts(verdict.reruns),
          shownTimes(verdict.recovery),
          shownTimes(verdict.resume),
          `${verdict.overlapMs}`,
        ];
  return `| ${[what, deployment, ...figures, remarks.join('; ')].map(cell).join(' | ')} |`;
}

const TABLE_HEADER = [
  '| Fault | Deployment | Acknowledged / unknown / refused | Lost | Runs again | Recovery, s | Resume, s | Overlap, ms | Remarks |',
  '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
];

function section(title: string, results: readonly Result[]): string {
  return [`### ${title}`, '', ...TABLE_HEADER, ...results.map(row), ''].join('\n');
}

const laterRow = ({ id, title, why }: Later): string => `| ${id} | ${cell(title)} | ${cell(why)} |`;

/** The text of `docs/guarantees.md`. @param intro the part above the tables, written by hand */
export function guarantees(intro: string, { commit, results }: Results): string {
  const sections = GROUPS.flatMap(([letter, title]) => {
    const own = results.filter(({ id }) => id.startsWith(letter));
    return own.length === 0 ? [] : [section(title, own)];
  });
  const found = results.filter(({ verdict }) => verdict !== null);
  const clean = found.filter(({ verdict }) => verdict?.fsck.length === 0).length;
  return [
    intro.trimEnd(),
    '',
    '## What was measured',
    '',
    `Last run at commit ${commit}. ${results.filter(({ passed }) => passed).length} of ${results.length} experiments`,
    `passed; the data were consistent in ${clean} of the ${found.length} that were checked with \`fsck\`.`,
    '',
    ...sections,
    '## Not run, and why',
    '',
    '| Experiment | Fault | Why |',
    '| --- | --- | --- |',
    ...LATER.map(laterRow),
    '',
  ].join('\n');
}
