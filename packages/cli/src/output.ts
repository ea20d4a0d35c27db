// Text for terminals: styles, tables, and control characters made harmless.

/** ANSI codes that start and end a style. */
const STYLE_CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

type Style = keyof typeof STYLE_CODES;

/** Styles a text, or returns it unchanged where colours are off. */
export type Paint = (style: Style, text: string) => string;

export function painter(colours: boolean): Paint {
  if (!colours) return (_, text) => text;
  return (style, text) => `\u001b[${STYLE_CODES[style][0]}m${text}\u001b[${STYLE_CODES[style][1]}m`;
}

// Names and answers come from others. Their escape sequences must not control the user's terminal.
// eslint-disable-next-line no-control-regex
const ESCAPED_IN_OUTPUT = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** A text with its control characters shown as `\u001b`. Tabs and line feeds stay. */
export function plain(text: string): string {
  return text.replace(ESCAPED_IN_OUTPUT, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Like `plain`, with tabs and line feeds as blanks. */
export function oneLine(text: string): string {
  return plain(text).replace(/[\t\n]/g, ' ');
}

/** A column of a table. `right` aligns it to the right. */
export interface Column<Row> {
  readonly title: string;
  readonly right?: boolean;
  text(row: Row): string;
}

const pad = (text: string, width: number, right: boolean | undefined) =>
  right ? text.padStart(width) : text.padEnd(width);

/** Rows under the titles of their columns. A column is as wide as its longest cell. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], paint: Paint): string {
  const cells = rows.map((row) => columns.map(({ text }) => oneLine(text(row))));
  const widths = columns.map(({ title }, i) =>
    Math.max(title.length, ...cells.map((line) => line[i]?.length ?? 0)),
  );
  const lineOf = (line: readonly string[]) =>
    line
      .map((text, i) => pad(text, widths[i] ?? 0, columns[i]?.right))
      .join('  ')
      .trimEnd();
  const titleLine = lineOf(columns.map(({ title }) => title));
  return [paint('bold', titleLine), ...cells.map(lineOf)].join('\n');
}

/** Names and values, one pair per line. A pair without a value is left out. */
export function pairs(entries: readonly (readonly [string, string | null | undefined])[]): string {
  const shown = entries.filter(([, value]) => value !== null && value !== undefined);
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `  ${name.padEnd(width)}  ${oneLine(value ?? '')}`).join('\n');
}
