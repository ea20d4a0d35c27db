/** Longest stack that is logged or kept, bytes. */
const MAX_STACK_BYTES = 4_096;
/** Longest text before the lines of a stack: the message has a place of its own. */
const MAX_HEADLINE_LENGTH = 512;
/** Errors of a chain that are shown; a chain may be a circle. */
const MAX_LINKS = 8;
/** A line of a stack that names a place. */
const FRAME = /\n\s+at /;

/** One error of a chain: what it says, and where it was thrown. */
function partOf(error: unknown): string {
  if (!(error instanceof Error)) return cutText(typeof error === 'string' ? error : JSON.stringify(error));
  const { stack, name, message } = error;
  if (typeof stack !== 'string') return cutText(`${name}: ${message}`);
  const lines = stack.search(FRAME);
  return lines < 0 ? cutText(stack) : cutText(stack.slice(0, lines)) + stack.slice(lines);
}

const cutText = (text: string): string =>
  text.length > MAX_HEADLINE_LENGTH ? `${text.slice(0, MAX_HEADLINE_LENGTH)}…` : text;

/** The start of a text, as whole characters. */
function firstBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  return bytes
    .subarray(0, maxBytes)
    .toString()
    .replace(/\ufffd$/, '');
}

/**
 * The stack of a thrown value, with those of its causes, at most 4 KiB. Undefined = it names no place in a program. The value may
 * be anything, and even reading it may throw.
 */
export function stackOf(error: unknown): string | undefined {
  const parts: string[] = [];
  try {
    if (!(error instanceof Error)) return undefined;
    let current: unknown = error;
    for (let depth = 0; depth < MAX_LINKS && current !== undefined && current !== null; depth += 1) {
      parts.push(partOf(current));
      current = current instanceof Error ? current.cause : undefined;
    }
  } catch {
    // What could be read until then is shown.
  }
  const text = parts.join('\nCaused by: ').toWellFormed().replaceAll('\0', '\ufffd');
  if (!FRAME.test(text)) return undefined;
  return firstBytes(text, MAX_STACK_BYTES);
}

/** The error without its stack, which would only name places in this program where it was made. */
export function withoutStack<E extends Error>(error: E): E {
  error.stack = `${error.name}: ${error.message}`;
  return error;
}
