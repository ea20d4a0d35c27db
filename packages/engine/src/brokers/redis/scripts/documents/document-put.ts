import { documentsKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';

export interface DocumentPut {
  readonly kind: string;
  readonly id: string;
  /** A unique name of this write, of characters `[A-Za-z0-9_-]`. */
  readonly write: string;
  /** '' = remove the document. */
  readonly json: string;
  /** Expected version; null = any. */
  readonly expected: number | null;
}

/** Replies with the new version; 0 = removed, −1 = it has another version, −2 = there is nothing to remove. */
export const documentPut = defineScript({
  name: 'document-put',
  lua: lua.documentPut,
  keys: ({ kind }: DocumentPut) => [documentsKey(kind)],
  args: ({ id, write, expected, json }) => [id, write, expected === null ? '' : expected, json],
  reply: (raw) => raw as number,
});
