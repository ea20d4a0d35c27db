// Lists of schedules, in pages. Scripts read what people filter by; the filters are here, as most schedules of a page do not match.
import { MAX_PAGE, MAX_PAGE_BYTES, MAX_SCANNED } from '../../../broker/bounds.ts';
import { MAX_UPCOMING, type TimeSpan, type UpcomingFire } from '../../../broker/fires.ts';
import {
  LATE_MS,
  type ScheduleCounts,
  type ScheduleFilter,
  type ScheduleListRequest,
  type SchedulePage,
  type ScheduleRecord,
} from '../../../broker/schedule-records.ts';
import type { ScheduleStore } from '../../../broker/schedules.ts';
import { mapBounded } from '../../../runtime/map-bounded.ts';
import { groupBy } from '../calls/batches.ts';
import { runOverQueues } from '../calls/over-queues.ts';
import type { RedisClient } from '../client/redis-client.ts';
import type { RedisDeps } from '../deps.ts';
import { factParts } from '../records/schedule-record.ts';
import { scheduleSoon, scheduleSpans, type SoonSchedule } from '../scripts/schedules/fires.ts';
import { registryRead } from '../scripts/schedules/registry.ts';
import {
  type ListedSchedule,
  LOOKS_AT_ONCE,
  scheduleLooks,
  schedulePage,
  scheduleRead,
} from '../scripts/schedules/table.ts';

/** Schedules in a page of what people filter by. */
const FACTS_PAGE = 250;
/** Schedules that are read whole at once. */
const WHOLE_AT_ONCE = 128;
/** Queues that are counted at once. Calls that arrive together hold Redis as one long script would. */
const COUNTED_AT_ONCE = 4;

const boundedBy = (limit: number, most: number): number => Math.max(1, Math.min(limit, most));

/** Reads schedules of one queue whole, in order; null = there is none. */
async function readWhole(
  client: RedisClient,
  queue: string,
  names: readonly string[],
): Promise<(ScheduleRecord | null)[]> {
  const found: (ScheduleRecord | null)[] = [];
  while (found.length < names.length) {
    const part = names.slice(found.length, found.length + WHOLE_AT_ONCE);
    found.push(...(await client.run(scheduleRead, { queue, names: part })));
  }
  return found;
}

/** Reads schedules by name, each from the queue that the registry names. */
async function readByName(client: RedisClient, names: readonly string[]): ReturnType<ScheduleStore['get']> {
  const { nowMs, queues } = await client.run(registryRead, names);
  const schedules: (ScheduleRecord | null)[] = names.map(() => null);
  // What has no entry does not exist.
  const entered = names.map((_, i) => i).filter((i) => queues[i] !== null);
  const indexes = groupBy(entered, (i) => queues[i]!);
  await Promise.all(
    [...indexes].map(async ([queue, places]) => {
      const found = await readWhole(
        client,
        queue,
        places.map((i) => names[i]!),
      );
      places.forEach((place, i) => (schedules[place] = found[i]!));
    }),
  );
  return { nowMs, schedules };
}

/** Whether it waits for its fire for too long. That somebody looks at it does not make it less late. */
const isLate = ({ nextFireMs, pauseReason }: ListedSchedule, nowMs: number): boolean =>
  pauseReason === null && nextFireMs !== null && nextFireMs < nowMs - LATE_MS;

/** What is left out of a filter does not matter. */
const isWanted = <Value>(wanted: Value | undefined, value: Value): boolean =>
  wanted === undefined || wanted === value;
const isAmong = (wanted: readonly string[] | undefined | null, value: string | null): boolean =>
  wanted === undefined || wanted === null || (value !== null && wanted.includes(value));

/** Whether the filter lets it pass. A list of none lets nothing pass. */
function matches(filter: ScheduleFilter, schedule: ListedSchedule, nowMs: number): boolean {
  return (
    isAmong(filter.businesses, schedule.business) &&
    isAmong(filter.owners, schedule.owner) &&
    isWanted<string | null>(filter.source, schedule.source) &&
    isWanted<string | null>(filter.calendar, schedule.calendar) &&
    isWanted(filter.paused, schedule.pauseReason !== null) &&
    isWanted(filter.failing, schedule.failing) &&
    isWanted(filter.late, isLate(schedule, nowMs))
  );
}

/** Whether nothing is filtered: then a page needs no more schedules than it shows. */
const isEmpty = (filter: ScheduleFilter): boolean =>
  Object.values(filter).every((value) => value === undefined);

/** The queues that have schedules, in order, and the broker's time. */
async function withSchedules(client: RedisClient, queues: readonly string[]) {
  const looks = await runOverQueues(client, scheduleLooks, { queues, perCall: LOOKS_AT_ONCE });
  return {
    nowMs: looks[0]?.nowMs ?? 0,
    queues: looks.filter(({ hasSchedules }) => hasSchedules).map(({ queue }) => queue),
  };
}

/** A page over several queues that is being filled. */
class PageBuilder {
  readonly #client: RedisClient;
  readonly #limit: number;
  readonly #filter: ScheduleFilter;
  readonly #facts: readonly string[];
  /** What it has so far. */
  readonly schedules: ScheduleRecord[] = [];
  /** The broker's time of the last call. */
  nowMs = 0;
  #bytes = 0;
  /** How many more schedules it may look at. */
  #scan = MAX_SCANNED;

  constructor(
    client: RedisClient,
    { limit, queues: _queues, after: _after, ...filter }: ScheduleListRequest,
  ) {
    this.#client = client;
    this.#limit = boundedBy(limit, MAX_PAGE);
    this.#filter = filter;
    this.#facts = factParts(filter);
  }

  /** Adds schedules of a queue behind `name`. Returns the name behind which the next page begins; null = the queue has no more. */
  async addQueue(queue: string, name: string): Promise<string | null> {
    const size = isEmpty(this.#filter) ? Math.min(this.#limit, FACTS_PAGE) : FACTS_PAGE;
    for (let after = name; ;) {
      // The next call begins with this queue.
      if (this.#scan <= 0) return after;
      // Never more than it may still look at.
      const limit = Math.min(this.#scan, size);
      const { failing, late } = this.#filter;
      const isWhole = late !== undefined || failing === false;
      const page = { queue, after, limit, isFailing: failing === true, isWhole, facts: this.#facts };
      const { rows, nowMs, last } = await this.#client.run(schedulePage, page);
      this.nowMs = nowMs;
      this.#scan -= limit;
      const end = await this.#addMatching(queue, rows);
      if (end !== null || last === null) return end;
      after = last;
    }
  }

  /** Returns the last name when the page is full, else null. */
  async #addMatching(queue: string, rows: readonly ListedSchedule[]): Promise<string | null> {
    const wanted = rows
      .filter((row) => matches(this.#filter, row, this.nowMs))
      .map(({ name }) => name)
      .slice(0, this.#limit - this.schedules.length);
    for (const schedule of await readWhole(this.#client, queue, wanted)) {
      if (!schedule) continue;
      this.schedules.push(schedule);
      this.#bytes += schedule.spec.length + schedule.ledger.length;
      if (this.schedules.length === this.#limit || this.#bytes > MAX_PAGE_BYTES) return schedule.name;
    }
    return null;
  }
}

/** Goes on from queue to queue while it may look at more. */
async function pageOver(client: RedisClient, request: ScheduleListRequest): Promise<SchedulePage> {
  const { queues, after } = request;
  const from = after === null ? 0 : Math.max(0, queues.indexOf(after.queue));
  const { queues: used, nowMs } = await withSchedules(client, queues.slice(from));
  const page = new PageBuilder(client, request);
  page.nowMs = nowMs;
  for (const queue of used) {
    const last = await page.addQueue(queue, after?.queue === queue ? after.name : '');
    if (last !== null) return { schedules: page.schedules, next: { queue, name: last }, nowMs: page.nowMs };
  }
  return { schedules: page.schedules, next: null, nowMs: page.nowMs };
}

/** Reads what people filter by of all schedules of a queue: counts go by businesses, which differ from caller to caller. */
async function countQueue(
  client: RedisClient,
  queue: string,
  businesses: readonly string[] | null,
): Promise<ScheduleCounts> {
  const counts = { all: 0, paused: 0, failing: 0, late: 0 };
  for (let after = ''; ;) {
    const page = { queue, after, limit: FACTS_PAGE, isWhole: true };
    const { rows, nowMs, last } = await client.run(schedulePage, page);
    for (const row of rows) {
      if (!isAmong(businesses, row.business)) continue;
      counts.all += 1;
      if (row.pauseReason !== null) counts.paused += 1;
      if (row.failing) counts.failing += 1;
      if (isLate(row, nowMs)) counts.late += 1;
    }
    if (last === null) return counts;
    after = last;
  }
}

/** Reads the schedules of a queue that will fire in a span, by time, until `visit` returns false. */
async function visitSoon(
  client: RedisClient,
  { queue, span }: { readonly queue: string; readonly span: TimeSpan },
  visit: (schedule: SoonSchedule) => boolean,
): Promise<void> {
  for (let offset = 0; ; offset += FACTS_PAGE) {
    const page = await client.run(scheduleSoon, { queue, ...span, offset, limit: FACTS_PAGE });
    for (const schedule of page) if (schedule && !visit(schedule)) return;
    if (page.length < FACTS_PAGE) return;
  }
}

/** The soonest first. */
const byTime = (a: UpcomingFire, b: UpcomingFire): number => a.nextFireMs - b.nextFireMs;

/** The soonest fires of all queues. Each queue gives as many as there may be in all. */
async function upcomingFires(
  client: RedisClient,
  queues: readonly string[],
  { businesses, owners, span, limit: given }: Parameters<ScheduleStore['upcoming']>[1],
): Promise<UpcomingFire[]> {
  const limit = boundedBy(given, MAX_UPCOMING);
  const { queues: used } = await withSchedules(client, queues);
  const found = await mapBounded(used, COUNTED_AT_ONCE, async (queue) => {
    const fires: UpcomingFire[] = [];
    await visitSoon(client, { queue, span }, ({ name, business, owner, nextFireMs }) => {
      if (isAmong(businesses, business) && isAmong(owners, owner))
        fires.push({ queue, name, business, owner, nextFireMs });
      return fires.length < limit;
    });
    return fires;
  });
  return found.flat().sort(byTime).slice(0, limit);
}

/** The numbers of one queue. Those of some businesses only must be read; others are counted by Redis. */
async function countSpans(
  client: RedisClient,
  queue: string,
  { businesses, spans }: { businesses: readonly string[] | null; spans: readonly TimeSpan[] },
): Promise<number[]> {
  if (businesses === null) return client.run(scheduleSpans, { queue, spans });
  const counts = spans.map(() => 0);
  const whole = {
    fromMs: Math.min(...spans.map(({ fromMs }) => fromMs)),
    toMs: Math.max(...spans.map(({ toMs }) => toMs)),
  };
  await visitSoon(client, { queue, span: whole }, ({ business, nextFireMs }) => {
    if (isAmong(businesses, business))
      spans.forEach(({ fromMs, toMs }, i) => {
        if (nextFireMs >= fromMs && nextFireMs < toMs) counts[i]! += 1;
      });
    return true;
  });
  return counts;
}

/** Reading schedules: each name from its queue, lists from all queues that have any. */
export function createScheduleLists({ client }: RedisDeps) {
  return {
    get: (names) => readByName(client, names),
    list: (request) => pageOver(client, request),
    queuesWithSchedules: async (queues) => (await withSchedules(client, queues)).queues,
    async counts(queues, businesses) {
      const used = new Set((await withSchedules(client, queues)).queues);
      const none: ScheduleCounts = { all: 0, paused: 0, failing: 0, late: 0 };
      return mapBounded(queues, COUNTED_AT_ONCE, async (queue) =>
        used.has(queue) ? countQueue(client, queue, businesses) : none,
      );
    },
    upcoming: (queues, request) => upcomingFires(client, queues, request),
    async countUpcoming(queues, businesses, spans) {
      if (spans.length === 0) return [];
      const { queues: used } = await withSchedules(client, queues);
      const found = await mapBounded(used, COUNTED_AT_ONCE, (queue) =>
        countSpans(client, queue, { businesses, spans }),
      );
      return spans.map((_, i) => found.reduce((sum, counts) => sum + counts[i]!, 0));
    },
  } satisfies Partial<ScheduleStore>;
}
