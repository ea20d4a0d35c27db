/** Texts met by the `stringify` under way; JSON.stringify is synchronous, so there is never more than one. */
let met: string[] = [];

/** Stands for a text while the rest is written; nobody can guess it, so no string of a caller's is taken for one. */
const MARK = `raw-${globalThis.crypto.randomUUID()}-`;
const MARKED = new RegExp(`"${MARK}(\\d+)"`, 'g');

/** JSON text that is passed on as it stands: its numbers are never parsed, so that none loses a digit. */
export class RawJson {
  readonly text: string;

  /** @param text valid JSON; it is not looked at. */
  constructor(text: string) {
    this.text = text;
  }

  toJSON(): string {
    return MARK + (met.push(this.text) - 1);
  }
}

/** As `JSON.stringify`, with the text of each `RawJson` in its place. */
export function stringify(value: unknown): string {
  met = [];
  const text = JSON.stringify(value);
  if (met.length === 0) return text;
  const texts = met;
  return text.replace(MARKED, (_, index: string) => texts[Number(index)] ?? 'null');
}
