/** The median, smallest and largest of some numbers. */
export function spread(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1) };
}

/** The value below which this share of the numbers lies. */
export function percentile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** The largest of some numbers that may be null; null if all are. */
export function largest(numbers) {
  const known = numbers.filter((number) => number !== null);
  return known.length === 0 ? null : Math.max(...known);
}

/** The smallest of some numbers. Null if one is null, which means that it was too small to be measured. */
export const smallest = (numbers) => (numbers.includes(null) ? null : Math.min(...numbers));

function cell(value) {
  if (value === null || value === undefined) return '–';
  return typeof value === 'number' ? value.toLocaleString('en', { maximumFractionDigits: 2 }) : String(value);
}

/** Formats rows as a Markdown table; numbers are aligned to the right. */
export function table(rows) {
  if (rows.length === 0) return 'Not measured.';
  const columns = Object.keys(rows[0]);
  const isNumber = (column) => rows.some((row) => typeof row[column] === 'number');
  const lines = [
    columns,
    columns.map((column) => (isNumber(column) ? '--:' : '---')),
    ...rows.map((row) => columns.map((column) => cell(row[column]))),
  ];
  return lines.map((line) => `| ${line.join(' | ')} |`).join('\n');
}

/** Prints the tables and, with `json`, the results as one JSON object in the last line. */
export function print(run, { json }) {
  for (const { title, rows } of run.tables) console.log(`\n## ${title}\n\n${table(rows)}`);
  const measured = run.targets.filter(({ value }) => value !== null);
  if (measured.length > 0) console.log(`\n## Targets\n\n${table(measured)}`);
  if (json) console.log(JSON.stringify(run));
}
