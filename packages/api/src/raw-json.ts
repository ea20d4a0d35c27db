// JSON.parse and JSON.stringify change large integers (over 2^53). A payload's text is therefore never parsed:
// JSON.stringify writes a placeholder for it, and the text replaces the placeholder afterwards.

/** Raw texts of the current `stringify` call. JSON.stringify is synchronous, so there is never a second call. */
let rawTexts: string[] = [];

/** Prefix of a placeholder. It is random, so no string of a caller can be mistaken for a placeholder. */
const PLACEHOLDER = `raw-${globalThis.crypto.randomUUID()}-`;
const PLACEHOLDERS = new RegExp(`"${PLACEHOLDER}(\\d+)"`, 'g');

/** JSON text that `stringify` writes unchanged, with every digit of its numbers. */
export class RawJson {
  readonly text: string;

  /** @param text valid JSON; it is not checked */
  constructor(text: string) {
    this.text = text;
  }

  toJSON(): string {
    return PLACEHOLDER + (rawTexts.push(this.text) - 1);
  }
}

/** Like `JSON.stringify`, but writes the text of each `RawJson` unchanged. */
export function stringify(value: unknown): string {
  rawTexts = [];
  const text = JSON.stringify(value);
  if (rawTexts.length === 0) return text;
  const texts = rawTexts;
  return text.replace(PLACEHOLDERS, (_, index: string) => texts[Number(index)] ?? 'null');
}
