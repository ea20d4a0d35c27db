/** JSON text that is passed on as it stands: its numbers are never parsed, so that none loses a digit. */
export class RawJson {
  readonly text: string;

  /** @param text valid JSON; it is not looked at. */
  constructor(text: string) {
    this.text = text;
  }
}

/** As `JSON.stringify`, with the text of each `RawJson` in its place. */
export function stringify(value: unknown): string {
  if (value instanceof RawJson) return value.text;
  if (Array.isArray(value)) return `[${value.map((item) => stringify(item ?? null)).join(',')}]`;
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${stringify(member)}`).join(',')}}`;
}
