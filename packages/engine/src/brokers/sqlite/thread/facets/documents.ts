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

/** Asks to remove a document. */
export interface RemoveRequest extends DocumentRef {
  /** The request fails if the stored version is another one; 0 = there must be no document; null = any version. */
  readonly expectedVersion: number | null;
}

/** Asks to write a document; it replaces the stored one. */
export interface PutRequest extends RemoveRequest {
  /** JSON. */
  readonly value: string;
}

/** The row of a kind whose version is the highest that was removed. No document has this ID. */
const REMOVED = '';

export function createDocumentHandlers({ database }: Store) {
  const select = 'SELECT id, version, value FROM document WHERE kind = :kind';
  const get = database.named<DocumentRef, DocumentRow>(`${select} AND id = :id`);
  const list = database.named<{ readonly kind: string }, DocumentRow>(
    `${select} AND id <> '${REMOVED}' ORDER BY id`,
  );
  const put = database.named<DocumentRef & DocumentRow>(
    'INSERT OR REPLACE INTO document (kind, id, version, value) VALUES (:kind, :id, :version, :value)',
  );
  const remove = database.named<DocumentRef>('DELETE FROM document WHERE kind = :kind AND id = :id');

  const versionOf = (ref: DocumentRef): number => get.get(ref)?.version ?? 0;

  function checkVersion({ kind, id, expectedVersion }: RemoveRequest, version: number): void {
    if (expectedVersion !== null && expectedVersion !== version)
      throw new TaskCenterError('version-mismatch', { kind, id });
  }

  return {
    documentGet: ({ data }: Packet<DocumentRef>): Packet<DocumentRow | null> => plain(get.get(data) ?? null),

    /** By ID. */
    documentList: ({ data }: Packet<{ readonly kind: string }>): Packet<DocumentRow[]> =>
      plain(list.all(data)),

    /** Returns the new version. */
    documentPut({ data }: Packet<PutRequest>): Packet<number> {
      const { kind, id, value } = data;
      const stored = versionOf({ kind, id });
      checkVersion(data, stored);
      const version = (stored || versionOf({ kind, id: REMOVED })) + 1;
      put.run({ kind, id, version, value });
      return plain(version);
    },

    documentRemove({ data }: Packet<RemoveRequest>): Packet<boolean> {
      const { kind, id } = data;
      const version = versionOf({ kind, id });
      if (version === 0) return plain(false);
      checkVersion(data, version);
      remove.run({ kind, id });
      const highest = Math.max(version, versionOf({ kind, id: REMOVED }));
      put.run({ kind, id: REMOVED, version: highest, value: 'null' });
      return plain(true);
    },
  };
}
