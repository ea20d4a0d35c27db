// The key of cursors: 32 random bytes in the field `cursor_key` of `tc:meta`, which all processes on the broker share.
import { randomBytes } from 'node:crypto';
import { CURSOR_KEY_BYTES } from '../../broker/bounds.ts';
import { META_KEY } from '../../protocol/keys.ts';
import type { RedisClient } from './client/redis-client.ts';
import { defineScript } from './scripts/define-script.ts';
import { lua } from './scripts/lua.generated.ts';
import { textOf, textOrNull } from './scripts/reply.ts';

const FORM = /^[\w-]{43}$/;

/** Replies with the stored key: the one given here if there is none, or none that can be used. */
const claimKey = defineScript({
  lua: lua.cursorKey,
  keys: () => ({ meta: META_KEY }),
  args: (key: string) => ({ key }),
  reply: textOf,
});

/** The stored text; null = there is none. */
export async function storedCursorKey(client: RedisClient): Promise<string | null> {
  return textOrNull(await client.command(['HGET', META_KEY, 'cursor_key']));
}

/** Whether a stored text is a key. Another program may have written anything. */
export const isCursorKey = (text: string): boolean => FORM.test(text);

/** Stores a new key, unless there is one that can be used. One of any number of callers succeeds; all get the same. */
export const claimCursorKey = (client: RedisClient): Promise<string> =>
  client.run(claimKey, randomBytes(CURSOR_KEY_BYTES).toString('base64url'));

/** The key. It is read first: a server that is full, or that takes no writes, can still show lists. */
export async function readCursorKey(client: RedisClient): Promise<Uint8Array> {
  const stored = await storedCursorKey(client);
  const text = stored !== null && isCursorKey(stored) ? stored : await claimCursorKey(client);
  return Buffer.from(text, 'base64url');
}
