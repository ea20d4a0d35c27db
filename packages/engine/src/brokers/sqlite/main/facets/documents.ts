import type { Documents, StoredDocument } from '../../../../broker/documents.ts';
import type { DocumentRow } from '../../thread/facets/documents.ts';
import { plain } from '../../packing.ts';
import type { Writer } from '../writer.ts';

const stored = ([id, version, value]: DocumentRow): StoredDocument => ({
  id,
  version,
  value: JSON.parse(value) as unknown,
});

export function createDocuments(writer: Writer): Documents {
  return {
    async get(kind, id) {
      const { data } = await writer.run('documentGet', plain({ kind, id }));
      return data && stored(data);
    },
    list: async (kind) => (await writer.run('documentList', plain({ kind }))).data.map(stored),
    async put(...[kind, id, value, expectedVersion]) {
      const text = JSON.stringify(value);
      const call = { kind, id, value: text, expectedVersion: expectedVersion ?? null };
      return (await writer.run('documentPut', plain(call))).data;
    },
    remove: async (kind, id) => (await writer.run('documentRemove', plain({ kind, id }))).data,
  };
}
