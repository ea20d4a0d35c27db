import type { Found } from '../../../findings/finding-watch.ts';
import type { ServerReport } from './server-report.ts';

/** A server, and what it has done since this process connected. */
export interface WatchedServer {
  /** Names it in texts: '' = there is only one. */
  readonly where: string;
  readonly report: ServerReport;
  /** Keys that it has removed for want of memory since this process connected. */
  readonly evicted: number;
  /** Those of them that it has removed since its policy removes tasks, too. */
  readonly lost: number;
}

/** A server with Redis' own defaults saves within an hour of any change. */
const MAX_UNSAVED_MS = 3_700_000;

const GIB = 2 ** 30;
const sizeText = (bytes: number): string =>
  bytes >= GIB ? `${(bytes / GIB).toFixed(1)} GiB` : `${Math.ceil(bytes / 2 ** 20)} MiB`;

/** Which keys the server removes when its memory is full. */
function evictionFinding({ where, report, evicted, lost }: WatchedServer): Found | null {
  const { policy, maxBytes } = report;
  if (policy === null || maxBytes === 0 || policy === 'noeviction') return null;
  const limit = `${sizeText(maxBytes)} are full (maxmemory-policy ${policy})`;
  const text = (count: number) => (count === 0 ? 'none so far' : `${count} so far`);
  const fix =
    'Set maxmemory-policy noeviction: a full server then refuses new tasks and keeps those that it has.';
  if (policy.startsWith('allkeys'))
    return {
      code: 'eviction',
      severity: lost > 0 ? 'error' : 'warning',
      refusesStart: true,
      subject: where,
      detail: `the server${where} removes tasks and API keys when its ${limit}; keys removed: ${text(lost)}`,
      fix,
    };
  return {
    code: 'eviction',
    severity: 'warning',
    subject: where,
    detail: `the server${where} removes keys with an expiry when its ${limit}: unique locks, receipts of calls, heartbeats and daily counts; keys removed: ${text(evicted)}`,
    fix,
  };
}

/** Whether tasks outlive the server. A user who may not ask for its rules can only see that it has not saved for long. */
function persistenceFinding({ where, report }: WatchedServer, nowMs: number): Found | null {
  const { aof, saveRules, savedAtMs, unsavedChanges, diskFault } = report;
  const common = { code: 'persistence', severity: 'warning' } as const;
  if (diskFault !== null)
    return {
      ...common,
      subject: `${where} disk`,
      detail: `the server${where} cannot write to its disk: ${diskFault}`,
      fix: 'Free space on its disk, or check the rights of its folder; its log says what failed.',
    };
  if (aof !== false) return null;
  const isLate = unsavedChanges > 0 && nowMs - savedAtMs > MAX_UNSAVED_MS;
  if (saveRules === null ? !isLate : saveRules !== '') return null;
  return {
    ...common,
    subject: where,
    detail: `the server${where} keeps tasks in memory only: it has no append-only file, and saves nothing`,
    fix: 'Set appendonly yes: without it all tasks are lost when the server ends.',
  };
}

function replicaFinding({ where, report }: WatchedServer): Found | null {
  if (report.role !== 'replica') return null;
  const of = report.masterAddress === null ? '' : ` of ${report.masterAddress}`;
  return {
    code: 'replica',
    severity: 'error',
    subject: `${where}${of}`,
    detail: `the server${where} is a replica${of}: it takes no tasks, and what is written to it is lost`,
    fix: 'Use the URL of its master; behind Sentinels use redis-sentinel://, which follows the master.',
  };
}

/** What is wrong with a server. */
export function findingsOf(server: WatchedServer, nowMs: number): Found[] {
  const found = [replicaFinding(server), evictionFinding(server), persistenceFinding(server, nowMs)];
  return found.filter((finding) => finding !== null);
}

/** What a server refuses us. */
export interface ServerRefusal {
  /** As in `WatchedServer`. */
  readonly where: string;
  readonly user: string;
  /** The server's error; of rights: what is missing, in words. */
  readonly cause: string;
}

/** The server refuses every write, for a reason of its own, such as `MISCONF …`. */
export const readOnlyFinding = ({ where, cause }: ServerRefusal): Found => ({
  code: 'read_only',
  severity: 'error',
  subject: where,
  detail: `the server${where} refuses all writes: ${cause}`,
  fix: 'MISCONF: free space on its disk. NOREPLICAS: bring its replicas back, or lower min-replicas-to-write. READONLY: use the URL of the master.',
});

/** The server knows the user or the password no more. */
export const loginFinding = ({ where, user, cause }: ServerRefusal): Found => ({
  code: 'rights',
  severity: 'error',
  subject: `${where} login`,
  detail: `the server${where} refuses the login of the user ${JSON.stringify(user)}: ${cause}`,
  fix: 'Check user name and password of the broker URL, and the user on the server (ACL GETUSER).',
});

/** The user lacks rights. */
export const rightsFinding = ({ where, user, cause }: ServerRefusal): Found => ({
  code: 'rights',
  severity: 'error',
  subject: `${where} ${cause}`,
  detail: `the user ${JSON.stringify(user)} lacks rights on the server${where}: ${cause}`,
  fix: 'Give the user the rights that docs/redis.md lists, by ACL SETUSER.',
});
