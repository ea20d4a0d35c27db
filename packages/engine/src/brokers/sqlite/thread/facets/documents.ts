// Documents: the service's own records, such as API keys, by kind and ID. Runs in the writer thread; its calls come from
// main/facets/documents.ts.
import { TaskCenterError } from '../../../../errors/task-center-error.ts';
import { plain, type Packet } from '../../packing.ts';
import type { SqlRow } from '../database.ts';
import type { Store } from '../store.ts';

export interface DocumentRef {
  readonly kind: string;
  readonly id: string;
}

/** A stored document; `value` is JSON. */
export type DocumentRow = readonly [id: string, version: number, value: string];

export interface PutCall extends DocumentRef {
  /** JSON. */
  readonly value: string;
  /** The write fails if the stored version is another one; 0 = there must be no document; null = write anyway. */
  readonly expectedVersion: number | null;
}

const documentRow = ([id, version, value]: SqlRow): DocumentRow => [
  String(id),
  Number(version),
  String(value),
];

export function createDocumentHandlers({ database }: Store) {
  const get = database.prepare('SELECT id, version, value FROM document WHERE kind = ? AND id = ?');
  const list = database.prepare('SELECT id, version, value FROM document WHERE kind = ? ORDER BY id');
  const put = database.prepare(
    'INSERT OR REPLACE INTO document (kind, id, version, value) VALUES (?, ?, ?, ?)',
  );
  const remove = database.prepare('DELETE FROM document WHERE kind = ? AND id = ?');

  return {
    documentGet({ data: { kind, id } }: Packet<DocumentRef>): Packet<DocumentRow | null> {
      const row = get.get(kind, id);
      return plain(row ? documentRow(row) : null);
    },

    documentList: ({ data }: Packet<{ readonly kind: string }>): Packet<readonly DocumentRow[]> =>
      plain(list.all(data.kind).map(documentRow)),

    /** Returns the new version. */
    documentPut({ data: { kind, id, value, expectedVersion } }: Packet<PutCall>): Packet<number> {
      const version = Number(get.get(kind, id)?.[1] ?? 0);
      if (expectedVersion !== null && expectedVersion !== version) {
        throw new TaskCenterError('version-mismatch', { kind, id });
      }
      put.run(kind, id, version + 1, value);
      return plain(version + 1);
    },

    documentRemove: ({ data: { kind, id } }: Packet<DocumentRef>): Packet<boolean> =>
      plain(remove.run(kind, id) > 0),
  };
}
