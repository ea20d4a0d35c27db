// The documents facet on the main thread. Values are encoded and parsed here, which spares the writer thread the work: it
// keeps them as text.
import { filledText } from '../../../../checks/values.ts';
import type { Documents, StoredDocument } from '../../../../broker/documents.ts';
import type { DocumentRow } from '../../thread/facets/documents.ts';
import type { StoreCalls } from '../../thread/requests.ts';

/** A document as callers see it. One that is spoilt harms no other. */
function documentOf({ value, ...row }: DocumentRow): StoredDocument {
  try {
    return { ...row, value: JSON.parse(value) as unknown };
  } catch {
    return { ...row, value: undefined };
  }
}

export function createDocuments(writer: StoreCalls): Documents {
  return {
    async get(kind, id) {
      filledText(id, 'id');
      const row = await writer.ask('documentGet', { kind, id });
      return row && documentOf(row);
    },
    list: async (kind) => (await writer.ask('documentList', { kind })).map(documentOf),
    // The thread compares the version in the transaction of the write.
    async put(...[kind, id, value, expectedVersion = null]) {
      filledText(id, 'id');
      return writer.ask('documentPut', { kind, id, value: JSON.stringify(value), expectedVersion });
    },
    async remove(kind, id, expectedVersion) {
      filledText(id, 'id');
      return writer.ask('documentRemove', { kind, id, expectedVersion: expectedVersion ?? null });
    },
  };
}
