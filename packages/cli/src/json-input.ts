// JSON that a command is given as an argument, in a file or on its standard input.

import { readFileSync } from 'node:fs';
import { CliError } from './errors.ts';
import { decodeText } from './input.ts';

const BYTE_ORDER_MARK = '\ufeff';

/** What the bytes are, for messages. */
interface JsonSource {
  /** The subject of a sentence: `The payload`. */
  readonly what: string;
  /** What to do with text that is no JSON. */
  readonly otherwise?: string;
}

/**
 * The text of JSON without the blanks around it. It is checked and otherwise left as it is, because parsing spoils large integers.
 *
 * @throws CliError
 */
export function jsonText(bytes: Uint8Array, { what, otherwise }: JsonSource): string {
  const text = decodeText(bytes, (fault) => {
    throw new CliError(`${what} ${fault}. JSON is written in UTF-8.`, 2);
  });
  if (text.startsWith(BYTE_ORDER_MARK))
    throw new CliError(
      `${what} begins with a byte order mark (EF BB BF), which JSON does not have. Remove it.`,
      2,
    );
  try {
    JSON.parse(text);
    return text.trim();
  } catch (error) {
    const advice = otherwise === undefined ? '' : ` ${otherwise}`;
    throw new CliError(`${what} is not JSON: ${(error as Error).message}.${advice}`, 2, { cause: error });
  }
}

/** The bytes of a file. @throws CliError */
export function fileBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CliError(`The file ${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`, 1, {
      cause: error,
    });
  }
}
