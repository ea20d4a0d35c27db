import type { Durability } from '../../../broker/submit.ts';
import type { CallOptions } from '../../../broker/call-options.ts';
import { TaskCenterError } from '../../../errors/task-center-error.ts';
import { createRedisClient, type RedisClient } from '../client/redis-client.ts';
import type { RedisDeps } from '../deps.ts';
import type { RedisArg } from '../client/script.ts';

/** How long a replica or the disk may take. */
const WITHIN_MS = 1_000;

/** How a call is made as safe as was asked for. */
export interface Assurance {
  /** Its own: `WAIT` and `WAITAOF` hold up all that follows on their connection. */
  readonly connection: RedisClient;
  /** What follows the write on the same connection. */
  readonly confirm: readonly RedisArg[];
  reached(confirmed: unknown): boolean;
}

export interface Durabilities {
  /**
   * Null for `memory`, which needs nothing more.
   *
   * @throws TaskCenterError `durability-unsupported`
   */
  assurance(durability: Durability, options?: CallOptions): Promise<Assurance | null>;
  close(): Promise<void>;
}

/** Of an INFO reply, by name. */
const fields = (text: unknown) =>
  new Map(
    String(text)
      .split('\r\n')
      .map((line) => line.split(':', 2) as [string, string]),
  );

/** Why a server cannot tell that something is on its disk, or null (`WAITAOF` came with Redis 7.2). */
async function fsyncFault(connection: RedisClient, options?: CallOptions): Promise<string | null> {
  const [commands, persistence] = await Promise.all([
    connection.everywhere(['COMMAND', 'INFO', 'WAITAOF'], options),
    connection.everywhere(['INFO', 'persistence'], options),
  ]);
  if (commands.some((known) => !(known as unknown[])[0]))
    return 'it has no WAITAOF; Redis 7.2 or newer is needed';
  const off = persistence.some((text) => fields(text).get('aof_enabled') !== '1');
  return off ? 'its append-only file is off (appendonly yes)' : null;
}

export function createDurabilities({ client, runtime, target, topology }: RedisDeps): Durabilities {
  let own: RedisClient | null = null;
  let closed = false;

  function ownConnection(): RedisClient {
    // The broker's refuses what comes after its end.
    if (closed) return client;
    return (own ??= createRedisClient({ target, topology, runtime, nowMs: client.nowMs }));
  }

  async function refuseWithoutFsync(options?: CallOptions): Promise<void> {
    const cause = await fsyncFault(client, options);
    if (cause === null) return;
    throw new TaskCenterError('durability-unsupported', {
      broker: client.name,
      durability: 'fsync',
      cause,
    });
  }

  return {
    async assurance(durability, options) {
      switch (durability) {
        case 'memory':
          return null;
        case 'replicated':
          return {
            connection: ownConnection(),
            confirm: ['WAIT', '1', String(WITHIN_MS)],
            reached: (replicas) => Number(replicas) >= 1,
          };
        case 'fsync':
          // Asked each time: a server may be replaced by another, and AOF switched off.
          await refuseWithoutFsync(options);
          return {
            connection: ownConnection(),
            confirm: ['WAITAOF', '1', '0', String(WITHIN_MS)],
            reached: (copies) => Array.isArray(copies) && Number(copies[0]) >= 1,
          };
      }
    },
    async close() {
      closed = true;
      await own?.close();
    },
  };
}
