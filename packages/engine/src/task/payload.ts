/** What a payload or a result may be: bytes are kept as they are, anything else becomes JSON, `undefined` nothing. */
export type Content = unknown;

const decoder = new TextDecoder('utf-8', { fatal: true });

/** The bytes to store; null = nothing. */
export function encodeContent(content: Content): Uint8Array | null {
  if (content === undefined) return null;
  if (content instanceof Uint8Array) return content;
  const text = JSON.stringify(content) as string | undefined;
  return text === undefined ? null : Buffer.from(text);
}

/**
 * The JSON value in stored bytes; `undefined` where there are none.
 *
 * @throws SyntaxError, TypeError when the bytes are no JSON in UTF-8.
 */
export function decodeJson(bytes: Uint8Array | null): unknown {
  return bytes === null || bytes.length === 0 ? undefined : (JSON.parse(decoder.decode(bytes)) as unknown);
}
