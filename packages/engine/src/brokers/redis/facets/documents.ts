import { randomBytes } from 'node:crypto';
import { TaskCenterError } from '../../../errors/task-center-error.ts';
import type { Documents, StoredDocument } from '../../../broker/documents.ts';
import { documentsKey } from '../../../protocol/keys.ts';
import type { RedisDeps } from '../deps.ts';
import { documentPut } from '../scripts/documents/document-put.ts';

function parsed(id: string, stored: Buffer): StoredDocument {
  const { version, value } = JSON.parse(stored.toString()) as { version: number; value: unknown };
  return { id, version, value };
}

/** JSON text; what JSON cannot hold (undefined, a function) is a fault of the caller's. */
function jsonOf(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text !== undefined) return text;
  throw new TaskCenterError('invalid-value', {
    name: 'value',
    got: typeof value,
    expected: 'something that JSON can hold',
  });
}

function checkedId(id: string): string {
  if (id !== '') return id;
  throw new TaskCenterError('invalid-value', { name: 'id', got: '""', expected: 'a text that is not empty' });
}

/** Documents in `tc:doc:<kind>`. */
export function createDocuments({ client }: RedisDeps): Documents {
  const newWrite = (): string => randomBytes(12).toString('base64url');

  return {
    async get(kind, id) {
      const stored = (await client.command(['HGET', documentsKey(kind), checkedId(id)])) as Buffer | null;
      return stored && parsed(id, stored);
    },
    async list(kind) {
      const flat = (await client.command(['HGETALL', documentsKey(kind)])) as Buffer[];
      const documents: StoredDocument[] = [];
      for (let i = 0; i < flat.length; i += 2) {
        const id = String(flat[i]);
        if (id !== '') documents.push(parsed(id, flat[i + 1] as Buffer));
      }
      return documents.sort((a, b) => (a.id < b.id ? -1 : 1));
    },
    async put(...[kind, id, value, expectedVersion]: Parameters<Documents['put']>) {
      const json = jsonOf(value);
      const outcome = await client.run(documentPut, {
        kind,
        id: checkedId(id),
        write: newWrite(),
        json,
        expected: expectedVersion ?? null,
      });
      if (outcome > 0) return outcome;
      throw new TaskCenterError('version-mismatch', { kind, id });
    },
    async remove(kind, id) {
      const removal = { kind, id: checkedId(id), write: newWrite(), json: '', expected: null };
      return (await client.run(documentPut, removal)) === 0;
    },
  };
}
