import os from 'node:os';

/** The middle of some numbers, with their smallest and largest. */
export function spread(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1) };
}

/** The value below which a share of the numbers lies. */
export function percentile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** The largest of some numbers, of which some are null; null: all are. */
export function worst(numbers) {
  const known = numbers.filter((number) => number !== null);
  return known.length === 0 ? null : Math.max(...known);
}

/** How long this machine stops a loop that does nothing, within a second: no pause below it says anything of a program. */
function longestStall() {
  const end = performance.now() + 1_000;
  let longest = 0;
  for (let last = performance.now(); last < end;) {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }
  return longest;
}

/** What a reader needs to judge a figure. */
function machine() {
  return {
    node: process.version,
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.cpus().length,
    os: os.release(),
    'memory GB': Math.round(os.totalmem() / 2 ** 30),
    'longest stall ms': longestStall(),
  };
}

const cell = (value) =>
  typeof value === 'number' ? value.toLocaleString('en', { maximumFractionDigits: 2 }) : String(value);

function table(rows) {
  if (rows.length === 0) return '';
  const heads = Object.keys(rows[0]);
  const lines = [
    heads,
    heads.map(() => '---'),
    ...rows.map((row) => heads.map((head) => cell(row[head] ?? ''))),
  ];
  return lines.map((line) => `| ${line.join(' | ')} |`).join('\n');
}

/** Tables for people, then, if asked for, one JSON object as the last line. */
export function print(report, { json }) {
  for (const { title, rows } of report.tables) console.log(`\n## ${title}\n\n${table(rows)}`);
  if (json) console.log(JSON.stringify({ ...report, machine: machine() }));
}
