// Documents: the service's own records, such as API keys, by kind and ID. Runs in the writer thread; its calls come from
// main/facets/documents.ts.
import { TaskCenterError } from '../../../../errors/task-center-error.ts';
import { plain, type Packet } from '../../packing.ts';
import type { Store } from '../store.ts';

export interface DocumentRef {
  /** Such as `api-key`. */
  readonly kind: string;
  readonly id: string;
}

/** A stored document; `value` is JSON. */
export interface DocumentRow {
  readonly id: string;
  readonly version: number;
  readonly value: string;
}

/** Asks to write a document; it replaces the stored one. */
export interface PutRequest extends DocumentRef {
  /** JSON. */
  readonly value: string;
  /** The write fails if the stored version is another one; 0 = there must be no document; null = write anyway. */
  readonly expectedVersion: number | null;
}

export function createDocumentHandlers({ database }: Store) {
  const select = 'SELECT id, version, value FROM document WHERE kind = :kind';
  const get = database.named<DocumentRef, DocumentRow>(`${select} AND id = :id`);
  const list = database.named<{ readonly kind: string }, DocumentRow>(`${select} ORDER BY id`);
  const put = database.named<DocumentRef & DocumentRow>(
    'INSERT OR REPLACE INTO document (kind, id, version, value) VALUES (:kind, :id, :version, :value)',
  );
  const remove = database.named<DocumentRef>('DELETE FROM document WHERE kind = :kind AND id = :id');

  return {
    documentGet: ({ data }: Packet<DocumentRef>): Packet<DocumentRow | null> => plain(get.get(data) ?? null),

    /** By ID. */
    documentList: ({ data }: Packet<{ readonly kind: string }>): Packet<DocumentRow[]> =>
      plain(list.all(data)),

    /** Returns the new version. */
    documentPut({ data: { kind, id, value, expectedVersion } }: Packet<PutRequest>): Packet<number> {
      const version = get.get({ kind, id })?.version ?? 0;
      if (expectedVersion !== null && expectedVersion !== version) {
        throw new TaskCenterError('version-mismatch', { kind, id });
      }
      put.run({ kind, id, version: version + 1, value });
      return plain(version + 1);
    },

    documentRemove: ({ data }: Packet<DocumentRef>): Packet<boolean> => plain(remove.run(data) > 0),
  };
}
