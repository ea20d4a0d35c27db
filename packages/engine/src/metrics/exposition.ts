// Prometheus' text format 0.0.4.
import type { WrittenFamily } from './samples.ts';

/** HTTP content type of the text. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const escapeHelp = (text: string): string =>
  text.replace(/[\\\n]/g, (char) => (char === '\n' ? '\\n' : '\\\\'));

/** A number as Prometheus reads it: JavaScript writes the infinite ones in another way. */
function numberText(value: number): string {
  if (Number.isFinite(value) || Number.isNaN(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}

/** The text of the families. Those without samples are left out. */
export function expositionOf(families: readonly WrittenFamily[]): string {
  let text = '';
  for (const { name, type, help, each } of families) {
    let isBegun = false;
    each((labels, value) => {
      if (!isBegun) text += `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
      isBegun = true;
      text += `${name}${labels.text} ${numberText(value)}\n`;
    });
  }
  return text;
}
