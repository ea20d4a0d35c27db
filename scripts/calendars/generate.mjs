// Makes the data of the built-in calendar `cn`: China's 法定节假日 and 调休, year by year.
import { readCompared, readTaken } from './sources.mjs';

/** From here on the source agrees with the State Council's notices, see ADR 35. */
const FIRST_YEAR = 2016;

/**
 * Where the two packages differ, and the notices say that the one whose days are taken is right: the other has worked Saturdays
 * that no notice names, weekends beside a holiday, and not the last day of the longer Spring Festival of 2020.
 */
const KNOWN_DIFFERENCES = {
  off: ['2016-01-02', '2016-01-03', '2016-04-30', '2020-02-02'],
  on: ['2016-04-02', '2018-06-16', '2018-09-22'],
};

const DAY_MS = 86_400_000;
const yearOf = (date) => Number(date.slice(0, 4));
const isNextDay = (date, before) => Date.parse(date) - Date.parse(before) === DAY_MS;
const byDate = (a, b) => (a < b ? -1 : 1);
const isWeekend = (date) => [0, 6].includes(new Date(date).getUTCDay());

/** Dates of one year as ranges without the year: `01-01 02-10..02-17`. */
export function asRanges(dates) {
  const ranges = [];
  for (const date of dates.toSorted(byDate)) {
    const range = ranges.at(-1);
    if (range && isNextDay(date, range[1])) range[1] = date;
    else ranges.push([date, date]);
  }
  const short = (date) => date.slice(5);
  return ranges
    .map(([first, last]) => (first === last ? short(first) : `${short(first)}..${short(last)}`))
    .join(' ');
}

/**
 * The last year with all its holidays. The notice of a year names all of them, the National Day last. What it says of the
 * first days of the next year makes that one no year with data.
 */
function lastYearOf({ off }) {
  return Math.max(...off.filter((date) => date.endsWith('-10-01')).map(yearOf));
}

/** Dates that only one of the two lists has. */
function differences(a, b) {
  const [inA, inB] = [new Set(a), new Set(b)];
  return [...a.filter((date) => !inB.has(date)), ...b.filter((date) => !inA.has(date))].toSorted(byDate);
}

/** What is wrong with the days of these years, as lines for people. */
export function faultsOf(taken, compared, [firstYear, lastYear]) {
  const faults = taken.on
    .filter((date) => !isWeekend(date))
    .map((date) => `${date} is worked, but no weekend`);
  faults.push(
    ...taken.on.filter((date) => taken.off.includes(date)).map((date) => `${date} is off and worked`),
  );
  for (const list of ['off', 'on'])
    for (const date of differences(taken[list], compared[list]))
      if (yearOf(date) >= firstYear && yearOf(date) <= lastYear && !KNOWN_DIFFERENCES[list].includes(date))
        faults.push(
          `${date}: only ${taken[list].includes(date) ? taken.name : compared.name} has it in \`${list}\``,
        );
  return faults;
}

/** The text of the generated file. Throws where the sources contradict each other: a person must look at the notice then. */
export function generateCalendar() {
  const [taken, compared] = [readTaken(), readCompared()];
  const lastYear = lastYearOf(taken);
  const isCovered = (date) => yearOf(date) >= FIRST_YEAR && yearOf(date) <= lastYear;
  const days = { ...taken, off: taken.off.filter(isCovered), on: taken.on.filter(isCovered) };
  const faults = faultsOf(days, compared, [FIRST_YEAR, Math.min(lastYear, compared.endYear)]);
  if (faults.length > 0) throw new Error(`The days of the calendar cn cannot be made:\n${faults.join('\n')}`);
  const lines = Array.from({ length: lastYear - FIRST_YEAR + 1 }, (_, i) => FIRST_YEAR + i).map((year) => {
    const [off, on] = [days.off, days.on].map((dates) =>
      asRanges(dates.filter((date) => yearOf(date) === year)),
    );
    return `  ${year}: {\n    off: '${off}',\n    on: '${on}',\n  },\n`;
  });
  return `// Made by scripts/generate.mjs from ${taken.name} ${taken.version}; do not edit.
// ${taken.name}: ${taken.licence} licence, ${taken.copyright}
export const cnDays = {
${lines.join('')}} as const;
`;
}
