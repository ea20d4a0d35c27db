import { documentsKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';

export interface DocumentPut {
  readonly kind: string;
  readonly id: string;
  /** A name for this write that no other has: `[A-Za-z0-9_-]`. */
  readonly write: string;
  /** '' = remove the document. */
  readonly json: string;
  /** Null = any. */
  readonly expected: number | null;
}

/** Replies with the new version; 0 = removed, −1 = another version stands there, −2 = nothing to remove. */
export const documentPut = defineScript({
  name: 'document-put',
  lua: lua.documentPut,
  keys: ({ kind }: DocumentPut) => [documentsKey(kind)],
  args: ({ id, write, expected, json }) => [id, write, expected === null ? '' : expected, json],
  reply: (raw) => raw as number,
});
