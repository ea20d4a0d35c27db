// The documents facet on the main thread: turns its methods into requests of the writer thread.
import type { Documents, StoredDocument } from '../../../../broker/documents.ts';
import type { DocumentRow } from '../../thread/facets/documents.ts';
import { plain } from '../../packing.ts';
import type { Writer } from '../writer.ts';

const documentOf = ([id, version, value]: DocumentRow): StoredDocument => ({
  id,
  version,
  value: JSON.parse(value) as unknown,
});

export function createDocuments(writer: Writer): Documents {
  return {
    async get(kind, id) {
      const { data } = await writer.run('documentGet', plain({ kind, id }));
      return data && documentOf(data);
    },
    list: async (kind) => (await writer.run('documentList', plain({ kind }))).data.map(documentOf),
    async put(...[kind, id, value, expectedVersion]) {
      const text = JSON.stringify(value);
      const call = { kind, id, value: text, expectedVersion: expectedVersion ?? null };
      return (await writer.run('documentPut', plain(call))).data;
    },
    remove: async (kind, id) => (await writer.run('documentRemove', plain({ kind, id }))).data,
  };
}
