import type { CallOptions } from '../../../broker/call-options.ts';
import type { Durability } from '../../../broker/submit.ts';
import { TaskCenterError } from '../../../errors/task-center-error.ts';
import { textOf } from '../scripts/reply.ts';
import { infoFields } from '../checks/server-report.ts';
import { RedisClient } from '../client/redis-client.ts';
import type { RedisDeps } from '../deps.ts';
import type { RedisArg } from '../client/script.ts';

/** Longest wait for a replica or the disk. */
const MAX_CONFIRM_MS = 1_000;

/** How a write reaches the durability that the caller asked for. */
export interface Assurance {
  /** A client for such writes only: `WAIT` and `WAITAOF` delay every later command on their connection. */
  readonly client: RedisClient;
  /** The command behind the write, on the same connection. */
  readonly confirm: readonly RedisArg[];
  /** Whether the reply to `confirm` says that the durability was reached. */
  isReached(confirmed: unknown): boolean;
}

export interface Durabilities {
  /**
   * Null for `memory`, which needs no confirmation.
   *
   * @throws TaskCenterError `durability-unsupported`
   */
  assurance(durability: Durability, options?: CallOptions): Promise<Assurance | null>;
  /** Whether no such write waits for its outcome. */
  isIdle(): boolean;
  close(): Promise<void>;
}

/** Why one of the servers cannot confirm that a write is on its disk; null = all can. `WAITAOF` came with Redis 7.2. */
async function fsyncFault(client: RedisClient, options?: CallOptions): Promise<string | null> {
  const [commands, persistence] = await Promise.all([
    client.everywhere(['COMMAND', 'INFO', 'WAITAOF'], options),
    client.everywhere(['INFO', 'persistence'], options),
  ]);
  if (commands.some((infos) => !(infos as unknown[])[0]))
    return 'it has no WAITAOF; Redis 7.2 or newer is needed';
  const isOff = persistence.some((text) => infoFields(textOf(text)).get('aof_enabled') !== '1');
  return isOff ? 'its append-only file is off (appendonly yes)' : null;
}

/** Opens the second client with the first write that needs it. */
export function createDurabilities({ client, runtime, target, topology }: RedisDeps): Durabilities {
  let ownClient: RedisClient | null = null;
  let isClosed = false;

  function openOwnClient(): RedisClient {
    // The broker's client is closed, too, and refuses the call.
    if (isClosed) return client;
    return (ownClient ??= new RedisClient({ target, topology, runtime, nowMs: client.nowMs }));
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
            client: openOwnClient(),
            confirm: ['WAIT', '1', String(MAX_CONFIRM_MS)],
            isReached: (replicas) => Number(replicas) >= 1,
          };
        case 'fsync':
          // Checked each time: another server may have taken over, or AOF may have been switched off.
          await refuseWithoutFsync(options);
          return {
            client: openOwnClient(),
            confirm: ['WAITAOF', '1', '0', String(MAX_CONFIRM_MS)],
            isReached: (copies) => Array.isArray(copies) && Number(copies[0]) >= 1,
          };
      }
    },
    isIdle: () => ownClient?.isIdle ?? true,
    async close() {
      isClosed = true;
      await ownClient?.close();
    },
  };
}
