// The documents facet on the main thread. Values are encoded and parsed here, which spares the writer thread the work: it
// keeps them as text.
import type { Documents, StoredDocument } from '../../../../broker/documents.ts';
import type { DocumentRow } from '../../thread/facets/documents.ts';
import { plain } from '../../packing.ts';
import type { Writer } from '../writer.ts';

const documentOf = ({ value, ...row }: DocumentRow): StoredDocument => ({
  ...row,
  value: JSON.parse(value) as unknown,
});

export function createDocuments(writer: Writer): Documents {
  return {
    async get(kind, id) {
      const { data } = await writer.run('documentGet', plain({ kind, id }));
      return data && documentOf(data);
    },
    list: async (kind) => (await writer.run('documentList', plain({ kind }))).data.map(documentOf),
    async put(...[kind, id, value, expectedVersion = null]) {
      const call = { kind, id, value: JSON.stringify(value), expectedVersion };
      return (await writer.run('documentPut', plain(call))).data;
    },
    remove: async (kind, id) => (await writer.run('documentRemove', plain({ kind, id }))).data,
  };
}
