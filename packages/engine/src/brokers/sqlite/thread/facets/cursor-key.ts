// The key of cursors, in the table `meta`. Runs in the writer thread.
import { randomBytes } from 'node:crypto';
import { CURSOR_KEY_BYTES } from '../../../../broker/bounds.ts';
import type { Packet } from '../../packing.ts';
import type { Store } from '../store.ts';

/** The condition of a row of `meta` with a key that can be used. Another program may have written anything. */
export const IS_CURSOR_KEY = `typeof(value) = 'blob' AND length(value) = ${CURSOR_KEY_BYTES}`;

export function createCursorKeyHandlers({ database }: Store) {
  const read = database.named<void, { value: Uint8Array }>(
    `SELECT value FROM meta WHERE name = 'cursor_key' AND ${IS_CURSOR_KEY}`,
  );
  const write = database.named<{ value: Uint8Array }>(
    "INSERT OR REPLACE INTO meta (name, value) VALUES ('cursor_key', :value)",
  );

  return {
    /** The only item of the packet's bytes is the key. The first call makes it. */
    cursorKey(): Packet<null> {
      const stored = read.get()?.value;
      if (stored) return { data: null, bytes: [stored] };
      const value = randomBytes(CURSOR_KEY_BYTES);
      write.run({ value });
      return { data: null, bytes: [value] };
    },
  };
}
