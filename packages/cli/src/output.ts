// Text for terminals: styles, tables, and control characters made harmless.

import stringWidth from 'string-width';

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

// Names and answers come from others. Their escape sequences must not control the user's terminal, and what nobody can see
// must not make two names look alike. Joiners and selectors stay where they belong: in emoji, and in scripts that need them.
const CONTROLS = String.raw`(?![\t\n])[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]`;
const INVISIBLE = String.raw`(?![\u200c\u200d\ufe00-\ufe0f\u{e0020}-\u{e007f}\u{e0100}-\u{e01ef}])\p{Default_Ignorable_Code_Point}`;
const JOINED_ASCII = String.raw`(?<=[\u0021-\u007e])[\u200c\u200d]`;
const ESCAPED_IN_OUTPUT = new RegExp(`${CONTROLS}|${INVISIBLE}|${JOINED_ASCII}`, 'gu');

const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/**
 * A text with its control characters and those that nobody can see as `\u001b`. Tabs and line feeds stay. JSON keeps its
 * meaning.
 */
export function plain(text: string): string {
  return text.replace(ESCAPED_IN_OUTPUT, (char) => char.split('').map(escaped).join(''));
}

/** Like `plain`, with tabs and line feeds as blanks. */
export function oneLine(text: string): string {
  return plain(text).replace(/[\t\n]/g, ' ');
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
/** Code units that a character may have beside the first one, on average; a text with more is cut sooner. */
const UNITS_PER_CELL = 8;

/** The beginning of a text, at most `width` cells of a terminal wide. What was cut is shown as `…`; no character is split. */
export function cut(text: string, width: number): string {
  // No more is looked at: a payload may be long.
  const head = text.slice(0, width * UNITS_PER_CELL);
  let cells = 0;
  for (const { segment, index } of graphemes.segment(head)) {
    cells += stringWidth(plain(segment));
    if (cells > width) return `${head.slice(0, index)}…`;
  }
  return head === text ? text : `${head.toWellFormed().replace(/\ufffd$/, '')}…`;
}

/** A column of a table. `right` aligns it to the right. */
export interface Column<Row> {
  readonly title: string;
  readonly right?: boolean;
  text(row: Row): string;
}

/** A text with blanks to this width, in cells of a terminal: `订` takes two of them, a combining accent none. */
function pad(text: string, width: number, right?: boolean): string {
  const blanks = ' '.repeat(Math.max(0, width - stringWidth(text)));
  return right ? blanks + text : text + blanks;
}

/** Rows under the titles of their columns. A column is as wide as its longest cell. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], paint: Paint): string {
  const cells = rows.map((row) => columns.map(({ text }) => oneLine(text(row))));
  const widths = columns.map(({ title }, i) =>
    cells.reduce((width, line) => Math.max(width, stringWidth(line[i] ?? '')), stringWidth(title)),
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
  const width = Math.max(...shown.map(([name]) => stringWidth(name)));
  return shown.map(([name, value]) => `  ${pad(name, width)}  ${oneLine(value ?? '')}`).join('\n');
}
