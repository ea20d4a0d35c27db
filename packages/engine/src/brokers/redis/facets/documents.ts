// The documents facet on Redis: the service's own records, such as API keys. A kind is one hash, so one command lists it; a
// document is the JSON of its version, its value and the name of the write that made it.
import { randomBytes } from 'node:crypto';
import { filledText } from '../../../checks/values.ts';
import { TaskCenterError } from '../../../errors/task-center-error.ts';
import type { Documents, StoredDocument } from '../../../broker/documents.ts';
import { documentsKey } from '../../../protocol/keys.ts';
import type { RedisDeps } from '../deps.ts';
import { defineScript } from '../scripts/define-script.ts';
import { lua } from '../scripts/lua.generated.ts';

interface DocumentPut {
  /** Such as `api-key`; it names the hash. */
  readonly kind: string;
  /** The field in the hash. */
  readonly id: string;
  /** A unique name of this write, of characters `[A-Za-z0-9_-]`. */
  readonly write: string;
  /** '' = remove the document. */
  readonly json: string;
  /** Expected version; null = any. */
  readonly expected: number | null;
}

/** Replies with the new version; 0 = removed, −1 = it has another version, −2 = there is nothing to remove. */
const documentPut = defineScript({
  lua: lua.documentPut,
  keys: ({ kind }: DocumentPut) => ({ documents: documentsKey(kind) }),
  args: ({ id, write, expected, json }) => ({ id, write, expected: expected ?? '', value: json }),
  reply: (raw) => raw as number,
});

/** One that is spoilt harms no other. Its version stands in front, where the script `document-put` reads it, too; else it has none. */
function parseDocument(id: string, stored: Buffer): StoredDocument {
  const text = stored.toString();
  try {
    const { version, value } = JSON.parse(text) as { version: number; value: unknown };
    return { id, version, value };
  } catch {
    return { id, version: Number(/^\{"version":(\d+),/.exec(text)?.[1] ?? 0), value: undefined };
  }
}

/** @throws TaskCenterError `invalid-value` for a value that JSON cannot hold, such as undefined or a function */
function toJson(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text !== undefined) return text;
  throw new TaskCenterError('invalid-value', {
    name: 'value',
    got: typeof value,
    expected: 'something that JSON can hold',
  });
}

/** Refuses the ID '', too: the script `document-put` uses the field of this name. */
function checkedId(id: string): string {
  filledText(id, 'id');
  return id;
}

/** Documents, which are kept in the hash `tc:doc:<kind>` by ID. The field '' is used by the script `document-put`. */
export function createDocuments({ client }: RedisDeps): Documents {
  // A repeated call has the same name. The script recognises the write and gives the same reply again.
  const newWrite = (): string => randomBytes(12).toString('base64url');

  return {
    async get(kind, id) {
      const stored = (await client.command(['HGET', documentsKey(kind), checkedId(id)])) as Buffer | null;
      return stored && parseDocument(id, stored);
    },
    async list(kind) {
      const flat = (await client.command(['HGETALL', documentsKey(kind)])) as Buffer[];
      const documents: StoredDocument[] = [];
      for (let i = 0; i < flat.length; i += 2) {
        const id = String(flat[i]);
        if (id !== '') documents.push(parseDocument(id, flat[i + 1] as Buffer));
      }
      return documents.sort((a, b) => (a.id < b.id ? -1 : 1));
    },
    /** Compare-and-set on the version, if one is expected. */
    async put(...[kind, id, value, expectedVersion]: Parameters<Documents['put']>) {
      const json = toJson(value);
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
    async remove(kind, id, expectedVersion) {
      const removal = { kind, id: checkedId(id), write: newWrite(), json: '' };
      const outcome = await client.run(documentPut, { ...removal, expected: expectedVersion ?? null });
      if (outcome === -1) throw new TaskCenterError('version-mismatch', { kind, id });
      return outcome === 0;
    },
  };
}
