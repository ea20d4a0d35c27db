// The arithmetic of next fires: crons in all time zones, and specifications that are hard to search.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { calendarDays, readTimes } from '@task-center/model';
import { largest, percentile, spread } from '../report.mjs';

function collectGarbage() {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}

/** How long calls of `next` take, from times within a year. */
function timeCalls(all, rounds) {
  // What was read is new, and the first collection of garbage would move all of it, within a call that has nothing to do with it.
  collectGarbage();
  const spans = new Float64Array(rounds * all.length);
  for (let call = 0; call < spans.length; call += 1) {
    const i = call % all.length;
    const fromMs = Date.now() + ((i * 37) % 365) * 86_400_000;
    const start = performance.now();
    all[i].next(fromMs);
    spans[call] = (performance.now() - start) * 1_000;
  }
  return {
    calls: spans.length,
    'p50 µs': spread(spans).median,
    'p99 µs': percentile(spans, 0.99),
    'max µs': largest(spans),
  };
}

/** Specifications whose next fire is years away, or never comes: a calendar with as many days off as it may have is in the way. */
function farSpecs() {
  const today = Math.floor(Date.now() / 86_400_000);
  const daysOff = (step) => {
    const dateOf = (_, i) => new Date((today + i * step) * 86_400_000).toISOString().slice(0, 10);
    return calendarDays({ off: Array.from({ length: 4_000 }, dateOf), on: [] }).dayFilter;
  };
  const [each, second] = [daysOff(1), daysOff(2)];
  const everyDays = (days) => ({ everyMs: days * 86_400_000, anchorMs: (today + 0.5) * 86_400_000 });
  return [
    { cron: '0 0 0 ? 2 FRI#5', dialect: 'quartz' },
    { cron: '0 * * * *', dialect: 'unix', dayFilter: each },
    { cron: '0 0 0 LW * ?', dialect: 'quartz', dayFilter: each },
    { ...everyDays(1), dayFilter: each },
    { ...everyDays(2), dayFilter: second },
  ];
}

/** The next fires that are furthest away, in zones that were used before. */
export function farFires() {
  const zones = ['UTC', 'Europe/Berlin', 'Africa/Casablanca', 'America/New_York', 'Asia/Shanghai'];
  const all = farSpecs().flatMap((spec) => zones.map((timezone) => readTimes({ ...spec, timezone })));
  const { calls, ...figures } = timeCalls(all, 40);
  return { what: 'next() years away', calls, 'read µs': null, ...figures };
}

/** The next fires of crons in all zones, from times within a year. */
export function nextFires() {
  const began = performance.now();
  const zones = Intl.supportedValuesOf('timeZone');
  const crons = ['30 8 * * mon-fri', '0 0 1 * *', '*/5 * * * *', '30 2 * * *', '0 9 13 * fri', '15 3 29 2 *'];
  const all = zones.flatMap((timezone) =>
    crons.map((cron) => readTimes({ cron, dialect: 'unix', timezone })),
  );
  const readMs = (performance.now() - began) / all.length;
  const { calls, ...figures } = timeCalls(all, 4);
  return { what: 'next()', calls, 'read µs': readMs * 1_000, ...figures };
}
