// Decodes the bytes that a command is given. Without a check, bytes that are not UTF-8 would turn into U+FFFD, and another text
// would be stored than the user gave.

import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';

/** What stands in a decoded text for bytes that are not UTF-8. The text itself may have it, too. */
const REPLACEMENT = '\ufffd';

/** How many bytes from the start are UTF-8. A character that is cut at the end counts as valid until the next byte comes. */
function validLength(bytes: Uint8Array): number {
  let valid = 0;
  for (let invalid = bytes.length; invalid - valid > 1;) {
    const middle = (valid + invalid) >> 1;
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, middle), { stream: true });
      valid = middle;
    } catch {
      invalid = middle;
    }
  }
  return valid;
}

/** What is wrong with bytes that should be a text; null = they are UTF-8. */
function bytesFault(bytes: Uint8Array): string | null {
  return isUtf8(bytes) ? null : `is not UTF-8 (byte ${validLength(bytes)})`;
}

/**
 * The text of bytes, a byte order mark at its start included.
 *
 * @param refuse throws the error; it is given what is wrong, such as `is not UTF-8 (byte 7)`
 */
export function decodeText(bytes: Uint8Array, refuse: (fault: string) => never): string {
  const fault = bytesFault(bytes);
  if (fault !== null) refuse(fault);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}

/** The texts that the system gave to this process, as bytes; null = this system does not show them. */
function rawTexts(name: 'cmdline' | 'environ'): Buffer[] | null {
  let bytes: Buffer;
  try {
    bytes = readFileSync(`/proc/self/${name}`);
  } catch {
    return null;
  }
  const texts: Buffer[] = [];
  for (let from = 0, to = bytes.indexOf(0); to >= 0; from = to + 1, to = bytes.indexOf(0, from))
    texts.push(bytes.subarray(from, to));
  return texts;
}

/** What is wrong with a text that Node has decoded. Without its bytes, U+FFFD counts as a fault. */
function decodedFault(text: string, findBytes: () => Uint8Array | undefined): string | null {
  if (!text.includes(REPLACEMENT)) return null;
  const bytes = findBytes();
  return bytes === undefined ? 'is not UTF-8, or has U+FFFD' : bytesFault(bytes);
}

/** The first argument or variable of ours that is not UTF-8, in words; null = all of them are. */
export function commandLineFault(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): string | null {
  for (const [index, text] of args.entries()) {
    const fault = decodedFault(text, () => rawTexts('cmdline')?.at(index - args.length));
    if (fault !== null) return `argument ${index + 1} ${fault}`;
  }
  for (const [name, text = ''] of Object.entries(env)) {
    if (!name.startsWith('TASKCENTER_')) continue;
    const start = Buffer.from(`${name}=`);
    const fault = decodedFault(text, () =>
      rawTexts('environ')
        ?.find((bytes) => bytes.subarray(0, start.length).equals(start))
        ?.subarray(start.length),
    );
    if (fault !== null) return `the variable ${name} ${fault}`;
  }
  return null;
}
