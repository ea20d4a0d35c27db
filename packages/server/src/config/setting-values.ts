/** What the values of configuration keys may be: URLs, hosts, networks, numbers, durations, schedules. */
import { isIP } from 'node:net';
import * as z from 'zod';
import { itemsOf, namedSchedule } from '@task-center/api';
import { formatDuration, parseDuration } from '@task-center/model';

/** One port, or a range such as `8000-8100`. */
const PORTS = /^(\d{1,5})(?:-(\d{1,5}))?$/;

function isPorts(text: string): boolean {
  const [, from, to = from] = PORTS.exec(text) ?? [];
  return from !== undefined && Number(from) >= 1 && Number(from) <= Number(to) && Number(to) <= 65_535;
}

/** An IPv4 or IPv6 address, alone or with a prefix length: `10.0.0.0/8`. */
function isCidr(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** One entry of `callbacks.allow`, in the form of `UrlRules`: hosts or a network that callbacks may go to. */
export const allowRule = z
  .strictObject({
    cidr: z.string().refine(isCidr, { error: 'an address or network such as 10.0.0.0/8' }).optional(),
    host: z
      .string()
      .regex(/^(?:\*\.)?[A-Za-z0-9._:[\]-]{1,253}$/, { error: 'a host such as erp.lan or *.example.com' })
      .optional(),
    ports: z
      .array(
        z.union([z.int().min(1).max(65_535), z.string().refine(isPorts)], {
          error: 'a port or a range such as "8000-8100"',
        }),
      )
      .optional(),
    http: z.boolean().optional(),
  })
  .refine(({ cidr, host }) => (cidr === undefined) !== (host === undefined), {
    error: 'exactly one of cidr and host',
  });

/** What `allowRule` takes, in words. */
export const ALLOW =
  'a list of {cidr or host, ports, http}, such as [{"host":"erp.lan","ports":["8080"],"http":true}]';

/** Broker URLs that `URL` cannot check: several hosts, or a path. A single Redis has an ordinary URL. */
const BROKER_FORMS = [
  /^sqlite:./,
  /^rediss?-sentinel:\/\/[^/?#]+(?:\/\d*)?\?(?:.*&)?master=./,
  /^rediss?-cluster:\/\/[^/?#]+\/?(?:\?|$)/,
  /^redis-socket:\/\/(?:[^@/]*@)?\/./,
];

export function isBrokerUrl(text: string): boolean {
  if (BROKER_FORMS.some((form) => form.test(text))) return true;
  return /^rediss?:\/\/./.test(text) && URL.canParse(text);
}

/** A URL that paths can be appended to: no query, no fragment, and no user name, because every link would show it. */
export function isBaseUrl(text: string): boolean {
  if (!/^https?:\/\/[^/?#@]/.test(text) || !URL.canParse(text)) return false;
  const { search, hash, username } = new URL(text);
  return search === '' && hash === '' && username === '';
}

/** A host name or an IP address. Whether this machine has it shows when the service starts to listen. */
export const HOST = /^(?:[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45})$/;

export const wholeNumber = (min: number, max: number) => z.int().min(min).max(max);
/** A number of things: at least one. */
export const count = (max: number) => ({
  schema: wholeNumber(1, max),
  expected: `a whole number from 1 to ${max}`,
});

/** A duration as text, within bounds. */
export const duration = (minMs: number, maxMs: number) => ({
  schema: z.string().refine((text) => {
    const ms = parseDuration(text);
    return ms !== null && ms >= minMs && ms <= maxMs;
  }),
  expected: `a duration from ${formatDuration(minMs)} to ${formatDuration(maxMs)}, such as 30s or 1m30s`,
});

const UNIT_BYTES: Readonly<Record<string, number>> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** The number of bytes that a text such as `64MiB` says; null = it is no size. */
export function bytesOf(text: string): number | null {
  const [, number, unit = ''] = /^(\d{1,9})(KiB|MiB|GiB)$/.exec(text) ?? [];
  return number === undefined ? null : Number(number) * UNIT_BYTES[unit]!;
}

/** A number of bytes as text, within bounds. */
export const size = (min: string, max: string) => ({
  schema: z.string().refine((text) => {
    const bytes = bytesOf(text);
    return bytes !== null && bytes >= bytesOf(min)! && bytes <= bytesOf(max)!;
  }),
  expected: `a size from ${min} to ${max}, such as 64MiB`,
});

/** What was expected, from what the API says of a field: `must be …`, `is required`, `is not a known field`. */
function expectedFrom(message: string): string {
  if (message === 'is required') return 'a value, which is required';
  return message.startsWith('is ') ? `nothing: it ${message}` : message.replace(/^must be /, '');
}

/** Checked as over the API, and kept as it was given: two configurations are compared by it. */
export const configuredSchedule = z.unknown().superRefine((value, context) => {
  const { error } = namedSchedule.safeParse(value);
  if (!error) return;
  const source = { schema: namedSchedule, input: value, location: 'pointer', basePath: [] } as const;
  for (const { pointer = '', message } of itemsOf(error, source)) {
    const path = pointer.split('/').slice(1);
    context.addIssue({ code: 'custom', path, message: expectedFrom(message) });
  }
});

/** The ID of a schedule within its business. */
const nameOf = (value: unknown): string => {
  const { id, business_id = null } = (value ?? {}) as { id?: unknown; business_id?: unknown };
  return JSON.stringify([id, business_id]);
};
/** Whether no two schedules are one and the same. */
export const hasOwnNames = (list: readonly unknown[]) => new Set(list.map(nameOf)).size === list.length;

/** What `configuredSchedule` takes, in words. */
export const SCHEDULES =
  'a list of schedules, such as [{"id":"nightly","cron":"0 3 * * *","task":{"type":"cleanup","queue":"low"}}]';
