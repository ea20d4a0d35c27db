/**
 * The table of all configuration keys.
 *
 * To add one: add an entry to `settings`, a field to `Config` (`config.ts`) and a line to `configOf` (`load.ts`), then run
 * `npm run generate`, which rewrites `etc/taskcenter.yaml`. The variable and the checks follow from the entry. A flag is
 * written by hand, in `packages/cli/src/commands/serve.ts`.
 */
import * as z from 'zod';
import { ALLOWABLE_FINDINGS } from '@task-center/engine';
import { LOG_LEVELS, SERVICE_ROLES } from './config.ts';
import {
  ALLOW,
  allowRule,
  configuredSchedule,
  count,
  duration,
  hasOwnNames,
  HOST,
  isBaseUrl,
  isBrokerUrl,
  SCHEDULES,
  size,
  wholeNumber,
} from './setting-values.ts';

/** One key of the configuration. */
export interface Setting {
  readonly schema: z.ZodType;
  /** Allowed values in words; completes "expected …" in error messages. */
  readonly expected: string;
  /** How the text of a variable or flag is read; `words`: a JSON list, or words separated by commas. */
  readonly form: 'text' | 'number' | 'json' | 'words';
  /** Value when the key is not set; null = derived from other keys, or none. */
  readonly fallback: unknown;
  /** Description for people; a comment in the sample file. */
  readonly about: string;
  /** Value shown in the sample file; left out = the default. */
  readonly example?: string;
  /** Whether mode `try` stays on when the key is set by a variable or a flag. Any key in the file ends it. */
  readonly harmless?: true;
  /** Whether SIGHUP is enough for a change in the file to take effect. All other keys need a restart: `reload.ts`. */
  readonly live?: true;
}

/** Every key of the configuration, by its path. */
export const settings = {
  broker: {
    schema: z.string().refine(isBrokerUrl),
    expected:
      'sqlite:<path>, redis://[user:pass@]host:port/db, rediss://…, redis-socket://<path>, redis-sentinel://host,host/db?master=<name> or redis-cluster://host,host',
    form: 'text',
    fallback: null,
    about:
      'Where tasks are stored: in a SQLite file (one process), or in Redis 7 or Valkey (many machines), as a single server, with Sentinel or as a cluster. Default: the SQLite file tasks.db in data_dir.',
    example: 'sqlite:./data/tasks.db',
    harmless: true,
  },
  broker_allow: {
    schema: z.array(z.enum(ALLOWABLE_FINDINGS)).refine((list) => new Set(list).size === list.length),
    expected: `a list of ${ALLOWABLE_FINDINGS.join(', ')}, each at most once`,
    form: 'words',
    fallback: [],
    about:
      'Findings about the broker to accept: the service starts and takes tasks in spite of them, although tasks may be lost. docs/redis.md explains them. None by default; below is an example.',
    example: '[eviction]',
  },
  data_dir: {
    schema: z.string().min(1),
    expected: 'the path of a folder',
    form: 'text',
    fallback: './data',
    about: 'Folder for the SQLite file and the first key. It is created if it does not exist.',
    harmless: true,
  },
  roles: {
    schema: z
      .array(z.enum(SERVICE_ROLES))
      .min(1)
      .refine((list) => new Set(list).size === list.length),
    expected: 'a list of api, worker, scheduler, each at most once',
    form: 'words',
    fallback: [...SERVICE_ROLES],
    about:
      'What this process does: api serves HTTP, worker delivers callbacks, scheduler fires the schedules of all queues, makes due tasks of callbacks pending and recovers lost ones.',
    harmless: true,
  },
  'http.host': {
    schema: z.string().regex(HOST),
    expected: 'an address or host name to listen on',
    form: 'text',
    fallback: '127.0.0.1',
    about: 'Address that HTTP listens on. If it is not loopback, put a proxy with TLS in front.',
    harmless: true,
  },
  'http.port': {
    schema: wholeNumber(0, 65_535),
    expected: 'a whole number from 0 to 65535; 0 takes any free port',
    form: 'number',
    fallback: 7420,
    about: 'Port of HTTP.',
    harmless: true,
  },
  'http.max_requests': {
    ...count(100_000),
    form: 'number',
    fallback: 512,
    about: 'Requests processed at once; more are refused with 503 and Retry-After.',
    harmless: true,
  },
  'http.max_connections': {
    ...count(100_000),
    form: 'number',
    fallback: 10_000,
    about:
      'Connections of HTTP clients at once. At this number the one that has been idle longest is closed for a new one. The limit of open files may lower it: docs/limits.md.',
    harmless: true,
  },
  public_url: {
    schema: z.string().refine(isBaseUrl),
    expected: 'an http or https URL without user name, query or fragment',
    form: 'text',
    fallback: null,
    about: 'Base URL of this service as others reach it, for links. None by default; below is an example.',
    example: 'https://tasks.example.com',
  },
  'worker.concurrency': {
    ...count(10_000),
    form: 'number',
    fallback: 10,
    about:
      'Handlers that a worker of the library runs at once. The service itself runs none: it delivers callbacks.',
    harmless: true,
  },
  'worker.max_stall': {
    ...duration(2_000, 600_000),
    form: 'text',
    fallback: '30s',
    about:
      'How long the event loop of the service may hang. After this time running tasks are given back and the service is restarted.',
    harmless: true,
  },
  'callbacks.mode': {
    schema: z.enum(['service']),
    expected:
      'service (mode try cannot be set: it is on while nothing is configured and HTTP is on loopback)',
    form: 'text',
    fallback: 'service',
    about: 'service: callbacks may go only to addresses that callbacks.allow permits.',
    live: true,
  },
  'callbacks.allow': {
    schema: z.array(allowRule),
    expected: ALLOW,
    form: 'json',
    fallback: [],
    about:
      'Where callbacks may go: hosts (*.example.com: all subdomains) or networks. An entry allows https on port 443, or on its ports; with http: true plain http (port 80), too. None by default; below is an example.',
    example: '[{ host: erp.lan, ports: [8080], http: true }, { cidr: 10.0.0.0/8 }]',
    live: true,
  },
  'callbacks.concurrency': {
    ...count(10_000),
    form: 'number',
    fallback: 256,
    about: 'Callbacks that this process delivers at once.',
    harmless: true,
  },
  'limits.queues': {
    ...count(1_000_000),
    form: 'number',
    fallback: 5_000,
    about:
      'Number of queues. A submission over HTTP that would make one more is refused. Queues that programs make with the library or in Go count, but these programs are never refused.',
    harmless: true,
  },
  'history.max_bytes': {
    ...size('1MiB', '16GiB'),
    form: 'text',
    fallback: '64MiB',
    about:
      'What the history of metrics may take in the broker. Above it, the rarest series are merged into one. The instance that writes the history decides: give all the same. docs/metrics-history.md.',
    harmless: true,
  },
  schedules: {
    schema: z.array(configuredSchedule).refine(hasOwnNames, { error: 'each schedule with another id' }),
    expected: SCHEDULES,
    form: 'json',
    fallback: [],
    about:
      'Schedules, as in the body of PUT /v1/schedules/{id}, each with its id. An instance with the role scheduler stores them at its start, and removes those that an earlier configuration had and this one has not. They cannot be changed over the API. None by default; below is an example.',
    example:
      '[{ id: nightly, cron: "0 3 * * *", timezone: Europe/Berlin, task: { type: cleanup, queue: low } }]',
  },
  key_file: {
    schema: z.string().min(1),
    expected: 'the path of a file',
    form: 'text',
    fallback: null,
    about:
      'File of the API key that the first start on a broker creates. The command line uses it to sign in. Default: admin.key in data_dir.',
    example: './data/admin.key',
    harmless: true,
  },
  'metrics.open': {
    schema: z.boolean(),
    expected: 'true or false',
    form: 'json',
    fallback: false,
    about:
      'Whether /metrics needs no key. Without it, a key with the role viewer that is bound to no business does. Names of queues and types are in the metrics: open them only where the network is trusted.',
    harmless: true,
  },
  'health.port': {
    schema: wholeNumber(0, 65_535),
    expected: 'a whole number from 0 to 65535; 0 takes any free port',
    form: 'number',
    fallback: null,
    about:
      'Another port, on which only /healthz, /readyz, /startupz and /metrics are served: for a process without the role api, or for probes that must not reach the API. None by default; below is an example.',
    example: '7421',
    harmless: true,
  },
  'health.host': {
    schema: z.string().regex(HOST),
    expected: 'an address or host name to listen on',
    form: 'text',
    fallback: null,
    about:
      'Address that health.port listens on. Default: that of http.host. One that is not loopback ends mode try.',
    example: '127.0.0.1',
    harmless: true,
  },
  'log.level': {
    schema: z.enum(LOG_LEVELS),
    expected: LOG_LEVELS.join(', '),
    form: 'text',
    fallback: 'info',
    about: `How much is logged: ${LOG_LEVELS.join(', ')}.`,
    harmless: true,
    live: true,
  },
  'shutdown.timeout': {
    ...duration(1_000, 3_600_000),
    form: 'text',
    fallback: '8s',
    about:
      'How long a stop may take: requests and callbacks that run may end within it. Whatever kills a service that does not stop must wait a second longer, as Docker does (10 s): docs/stop.md.',
    harmless: true,
    live: true,
  },
  'shutdown.unready': {
    ...duration(0, 3_600_000),
    form: 'text',
    fallback: '0s',
    about:
      'First part of shutdown.timeout. In it /readyz answers 503 and all other requests are served, to give load balancers time to send requests elsewhere.',
    harmless: true,
    live: true,
  },
} as const satisfies Record<string, Setting>;

/** The path of a key: `<name>` or `<group>.<name>`. */
export type SettingPath = keyof typeof settings;
export const settingPaths = Object.keys(settings) as SettingPath[];

/** The setting at a path, without its exact types. */
export const settingAt = (path: SettingPath): Setting => settings[path];

/** The environment variable of a key: `http.port` → `TASKCENTER_HTTP_PORT`. */
export const variableOf = (path: string): string => `TASKCENTER_${path.replaceAll('.', '_').toUpperCase()}`;
