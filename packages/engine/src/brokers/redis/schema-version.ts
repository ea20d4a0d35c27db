import { TaskCenterError } from '../../errors/task-center-error.ts';
import { META_KEY } from '../../protocol/keys.ts';
import type { RedisClient, RunOptions } from './client/redis-client.ts';
import { defineScript } from './scripts/define-script.ts';
import { lua } from './scripts/lua.generated.ts';

/** Version of the keys and fields that this program writes. Data of a newer version is refused (docs/design/engine.md#stored-versions). */
const SCHEMA_VERSION = 1;

/** What a program writes into a new database. */
interface MetaClaim {
  readonly version: number;
  readonly installation: string;
}

const metaClaim = defineScript({
  lua: lua.metaClaim,
  keys: () => ({ meta: META_KEY }),
  args: ({ version, installation }: MetaClaim) => ({ version, installation }),
  reply: (raw) => {
    const [schema, installation] = raw as [Buffer, Buffer];
    return { schema: schema.toString(), installation: installation.toString() };
  },
});

/**
 * Marks a database as used by Task Center, or checks the mark. Resolves to the ID of the installation: the one given here
 * if the database is new.
 *
 * @throws TaskCenterError `schema-too-new`, `broker-refused`
 */
export async function claimDatabase(
  client: RedisClient,
  installation: string,
  options: RunOptions,
): Promise<string> {
  const found = await client.run(metaClaim, { version: SCHEMA_VERSION, installation }, options);
  if (!/^[1-9]\d{0,8}$/.test(found.schema)) {
    throw new TaskCenterError('broker-refused', {
      broker: client.name,
      cause: `the key ${META_KEY} holds no schema version`,
    });
  }
  const version = Number(found.schema);
  if (version > SCHEMA_VERSION) {
    const details = { broker: client.name, found: version, known: SCHEMA_VERSION };
    throw new TaskCenterError('schema-too-new', details);
  }
  return found.installation;
}
