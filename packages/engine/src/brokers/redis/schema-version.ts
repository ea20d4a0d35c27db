import { TaskCenterError } from '../../errors/task-center-error.ts';
import { META_KEY } from '../../protocol/keys.ts';
import type { RedisClient, RunOptions } from './client/redis-client.ts';
import { defineScript } from './client/script.ts';
import { lua } from './scripts/lua.generated.ts';

/** Version of the keys, fields and forms of the data model; newer data is refused (design D14). */
const SCHEMA_VERSION = 1;

interface MetaClaim {
  readonly version: number;
  readonly installation: string;
}

const metaClaim = defineScript({
  name: 'meta-claim',
  lua: lua.metaClaim,
  keys: () => [META_KEY],
  args: ({ version, installation }: MetaClaim) => [version, installation],
  reply: (raw) => {
    const [schema, installation] = raw as [Buffer, Buffer];
    return { schema: schema.toString(), installation: installation.toString() };
  },
});

/**
 * Marks a database as ours, or checks the mark. Resolves to the installation's ID: `installation` on a new database.
 *
 * @throws TaskCenterError `schema-too-new`, `broker-refused`
 */
export async function claimDatabase(
  connection: RedisClient,
  installation: string,
  options: RunOptions,
): Promise<string> {
  const found = await connection.run(metaClaim, { version: SCHEMA_VERSION, installation }, options);
  if (!/^[1-9]\d{0,8}$/.test(found.schema)) {
    throw new TaskCenterError('broker-refused', {
      broker: connection.name,
      cause: `the key ${META_KEY} holds no schema version`,
    });
  }
  const version = Number(found.schema);
  if (version > SCHEMA_VERSION) {
    const details = { broker: connection.name, found: version, known: SCHEMA_VERSION };
    throw new TaskCenterError('schema-too-new', details);
  }
  return found.installation;
}
