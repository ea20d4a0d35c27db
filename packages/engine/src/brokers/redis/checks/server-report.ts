// What a server says about itself. Everything in it may be unknown: users need no right to ask, and managed services forbid
// some of the commands.
import type { BrokerFacts } from '../../../broker/findings.ts';
import { isTaskCenterError } from '../../../errors/task-center-error.ts';
import { textOf } from '../scripts/reply.ts';
import type { NodeCalls, RunOptions } from '../client/redis-client.ts';

/** The fields of an INFO reply, by name. */
export const infoFields = (text: string): ReadonlyMap<string, string> =>
  new Map(text.split('\r\n').map((line) => line.split(':', 2) as [string, string]));

/** What one server says about itself. Null = it does not say, or the user may not ask. */
export interface ServerReport {
  readonly kind: 'redis' | 'valkey';
  readonly version: string | null;
  /** Identifies the process: counters begin anew with another one. */
  readonly runId: string;
  readonly role: 'master' | 'replica' | null;
  /** A replica's master, `host:port`. */
  readonly masterAddress: string | null;
  readonly usedBytes: number;
  /** 0 = no limit. */
  readonly maxBytes: number;
  readonly policy: string | null;
  /** Keys removed for want of memory, since the server started or its counters were reset. */
  readonly evictedKeys: number;
  readonly aof: boolean | null;
  /** When to save all data, as `CONFIG GET save` has it; '' = never. */
  readonly saveRules: string | null;
  readonly savedAtMs: number;
  /** Changes that are in no saved file. */
  readonly unsavedChanges: number;
  /** The server's clock, wall-clock ms; null = it does not say. */
  readonly wallMs: number | null;
  /** Why the last attempt to write to the disk failed; null = it did not. */
  readonly diskFault: string | null;
}

/** The reply; null = the user may not ask, or the server does not know the command. Managed services forbid some of them. */
async function ifAllowed(reply: Promise<unknown>): Promise<unknown> {
  try {
    return await reply;
  } catch (error) {
    if (isTaskCenterError(error, 'broker-refused')) return null;
    throw error;
  }
}

const roleOf = (text: string | undefined): ServerReport['role'] => {
  if (text === undefined) return null;
  return text === 'master' ? 'master' : 'replica';
};

/** Redis refuses writes after the first of these, and after the second unless it was told otherwise. */
function diskFaultOf(fields: ReadonlyMap<string, string>): string | null {
  if (fields.get('aof_last_write_status') === 'err') return 'it could not write its append-only file';
  if (fields.get('rdb_last_bgsave_status') === 'err') return 'its last attempt to save its data failed';
  return null;
}

/** Asks one server about itself. */
export async function readServerReport(
  server: Pick<NodeCalls, 'command'>,
  options: RunOptions,
): Promise<ServerReport> {
  const ask = (...args: string[]) => ifAllowed(server.command(args, options));
  const [info, role, save] = await Promise.all([ask('INFO'), ask('ROLE'), ask('CONFIG', 'GET', 'save')]);
  const fields = infoFields(info === null ? '' : textOf(info));
  const count = (name: string) => Number(fields.get(name) ?? 0);
  // Without the right to INFO, ROLE says the same.
  const [roleName, masterHost, masterPort] = ((role as unknown[] | null) ?? []).map(String);
  const known = roleOf(fields.get('role') ?? roleName);
  const host = fields.get('master_host') ?? masterHost;
  const port = fields.get('master_port') ?? masterPort;
  const aof = fields.get('aof_enabled');
  return {
    kind: fields.has('valkey_version') ? 'valkey' : 'redis',
    version: fields.get('valkey_version') ?? fields.get('redis_version') ?? null,
    runId: fields.get('run_id') ?? '',
    role: known,
    masterAddress: known === 'replica' && host !== undefined ? `${host}:${port}` : null,
    usedBytes: count('used_memory'),
    maxBytes: count('maxmemory'),
    policy: fields.get('maxmemory_policy') ?? null,
    evictedKeys: count('evicted_keys'),
    aof: aof === undefined ? null : aof === '1',
    saveRules: save === null ? null : ((save as unknown[]).map(String)[1] ?? ''),
    savedAtMs: count('rdb_last_save_time') * 1_000,
    unsavedChanges: count('rdb_changes_since_last_save'),
    wallMs: count('server_time_usec') / 1_000 || null,
    diskFault: diskFaultOf(fields),
  };
}

/** What is shown of the servers: sums, and of the rest what the first of them says. */
export function factsOf(servers: readonly ServerReport[], evictedKeys: number): BrokerFacts {
  const [first] = servers;
  if (!first)
    return { kind: 'redis', version: null, role: null, memory: null, persistence: null, disk: null };
  const sum = (of: (server: ServerReport) => number) =>
    servers.reduce((total, server) => total + of(server), 0);
  const { kind, version, role, policy, aof } = first;
  const maxBytes = sum((server) => server.maxBytes);
  return {
    kind,
    version,
    role,
    memory:
      policy === null
        ? null
        : { usedBytes: sum((one) => one.usedBytes), maxBytes: maxBytes || null, policy, evictedKeys },
    persistence: aof === null ? null : { aof, savedAtMs: first.savedAtMs || null },
    disk: null,
  };
}
