// The history of schedules, in pages.
import { MAX_PAGE, MAX_SCANNED } from '../../../broker/bounds.ts';
import {
  KEEP_FIRES_MS,
  type FireListRequest,
  type FirePage,
  type FireRecord,
} from '../../../broker/fires.ts';
import type { RedisClient } from '../client/redis-client.ts';
import { firePage, firesOf } from '../scripts/schedules/fires.ts';

/** Lines in one call of the script. */
const LINES_AT_ONCE = 500;

/** What is left out of a request does not matter. */
const isListedIn = <Value>(wanted: readonly Value[] | undefined, value: Value | null): boolean =>
  wanted === undefined || (value !== null && wanted.includes(value));

/** By logical time; the end of the span is not part of it. */
const isInSpan = ({ span }: FireListRequest, { fireMs }: FireRecord): boolean =>
  span === undefined || (fireMs >= span.fromMs && fireMs < span.toMs);

/** Whether the line is listed. One that is too old is gone, although it may still be stored. */
function isListed(request: FireListRequest, fire: FireRecord, nowMs: number): boolean {
  return (
    fire.atMs >= nowMs - KEEP_FIRES_MS &&
    isListedIn(request.businesses, fire.business) &&
    isListedIn(request.owners, fire.owner) &&
    isListedIn(request.outcomes, fire.outcome) &&
    isListedIn(request.ends, fire.end) &&
    isInSpan(request, fire)
  );
}

type LinePlace = NonNullable<FirePage['next']>;
const startBehind = ({ fireMs, line }: LinePlace): LinePlace => ({ fireMs, line });

/** The latest logical time first; with the same one the newest line. */
const latestFirst = (a: LinePlace, b: LinePlace): number => b.fireMs - a.fireMs || b.line - a.line;

/** A page over all lines of one schedule. They are few, and stored in the order of writing. */
async function pageOfSchedule(
  client: RedisClient,
  request: FireListRequest & { readonly name: string },
  limit: number,
): Promise<FirePage> {
  const { before } = request;
  const { nowMs, fires } = await client.run(firesOf, request);
  // A place without a line is a time: lines of that time come later.
  const start = before && { fireMs: before.fireMs, line: before.line ?? 0 };
  const found = fires
    .filter((fire) => isListed(request, fire, nowMs) && (start === null || latestFirst(start, fire) < 0))
    .sort(latestFirst);
  const page = found.slice(0, limit);
  return { fires: page, next: found.length > limit ? startBehind(page.at(-1)!) : null };
}

/** Where a page begins: before this place, and before the end of the span. */
function startOf({ before, span }: FireListRequest): {
  beforeMs: number | '+inf';
  beforeLine: number | null;
} {
  if (span && (before === null || before.fireMs >= span.toMs))
    return { beforeMs: span.toMs, beforeLine: null };
  return { beforeMs: before?.fireMs ?? '+inf', beforeLine: before?.line ?? null };
}

/** A page over the lines of all schedules of a queue. */
async function pageOfQueue(client: RedisClient, request: FireListRequest, limit: number): Promise<FirePage> {
  const { queue, span } = request;
  const fires: FireRecord[] = [];
  let start = startOf(request);
  // Without a filter no more lines are needed than are shown.
  const isAny = !request.businesses && !request.owners && !request.outcomes && !request.ends;
  const size = isAny ? limit : LINES_AT_ONCE;
  for (let scan = MAX_SCANNED; scan > 0;) {
    const part = Math.min(size, scan);
    const { nowMs, places } = await client.run(firePage, {
      queue,
      ...start,
      fromMs: span?.fromMs ?? 0,
      limit: part,
    });
    for (const { fire } of places) {
      if (!fire || !isListed(request, fire, nowMs)) continue;
      fires.push(fire);
      if (fires.length === limit) return { fires, next: startBehind(fire) };
    }
    const last = places.at(-1);
    if (!last || places.length < part) return { fires, next: null };
    scan -= part;
    start = { beforeMs: last.fireMs, beforeLine: last.line };
  }
  return { fires, next: { fireMs: Number(start.beforeMs), line: start.beforeLine ?? 0 } };
}

/** A page of the history of one schedule, or of a queue. */
export function pageOfFires(client: RedisClient, request: FireListRequest): Promise<FirePage> {
  const limit = Math.max(1, Math.min(request.limit, MAX_PAGE));
  const { name } = request;
  return name === undefined
    ? pageOfQueue(client, request, limit)
    : pageOfSchedule(client, { ...request, name }, limit);
}
