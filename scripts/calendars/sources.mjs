// The packages from which the calendar `cn` is made. They are fetched for that alone: nothing of them runs in the service.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../tools.mjs';

/** Git ignores it. */
export const FOLDER = join(root, '.cache/calendars');

/** The one whose days are taken, and one by other authors, with which they are compared. */
const TAKEN = { name: 'chinese-days', version: '1.5.7' };
const COMPARED = { name: 'holiday-calendar', version: '1.3.3' };

export const PACKAGES = [TAKEN, COMPARED].map(({ name, version }) => `${name}@${version}`);

const fileOf = ({ name }, path) => join(FOLDER, 'node_modules', name, path);
const readJson = (source, path) => JSON.parse(readFileSync(fileOf(source, path), 'utf8'));

const isFetched = (source) =>
  existsSync(fileOf(source, 'package.json')) && readJson(source, 'package.json').version === source.version;

/** Whether both packages are there, each in its version. */
export const hasSources = () => isFetched(TAKEN) && isFetched(COMPARED);

/** The copyright line of a package's licence. */
const copyrightOf = (source) => /^Copyright .*$/m.exec(readFileSync(fileOf(source, 'LICENSE'), 'utf8'))[0];

/** The days that are taken, in no order, and where they are from. */
export function readTaken() {
  const { holidays, workdays } = readJson(TAKEN, 'dist/chinese-days.json');
  return {
    ...TAKEN,
    licence: readJson(TAKEN, 'package.json').license,
    copyright: copyrightOf(TAKEN),
    off: Object.keys(holidays),
    on: Object.keys(workdays),
  };
}

/** The days to compare with. It has a file for each year. */
export function readCompared() {
  const { startYear, endYear } = readJson(COMPARED, 'data/index.json').regions.find(
    ({ name }) => name === 'CN',
  );
  const years = Array.from({ length: endYear - startYear + 1 }, (_, i) => startYear + i);
  const days = years.flatMap((year) => readJson(COMPARED, `data/CN/${year}.json`).dates);
  const datesOf = (type) => days.filter((day) => day.type === type).map(({ date }) => date);
  return { ...COMPARED, endYear, off: datesOf('public_holiday'), on: datesOf('transfer_workday') };
}
