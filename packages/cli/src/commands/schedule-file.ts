// Schedules in files: JSON as the API takes it. Payloads are passed on byte for byte.

import { RawJson, type Schedule, type ScheduleInput } from '@task-center/api';
import { CliError } from '../errors.ts';
import type { Io } from '../io.ts';
import { fileBytes, jsonText } from '../json-input.ts';
import { rawItems, rawMember } from '../raw-member.ts';

/** A schedule with its ID, as a file with many has it: the path of a call has it otherwise. */
export type NamedInput = ScheduleInput & { readonly id: string };

/** What `show --json` prints besides what `put` takes: what was shown can be edited and put again. */
const SHOWN_ONLY = new Set<string>([
  'source',
  'paused',
  'pause_reason',
  'next_fire_at',
  'last_fire',
  'runs',
  'failing',
  'late',
  'fires',
  'created_at',
  'updated_at',
  'version',
] satisfies (keyof Schedule)[]);

/** Whether a value of JSON is an object. */
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A payload that is given as an argument. It is sent byte for byte, as those in files are. */
export const payloadIn = (text: string): RawJson =>
  new RawJson(
    jsonText(Buffer.from(text), {
      what: 'The payload',
      otherwise: 'A text is written in quotes: \'"text"\'.',
    }),
  );

/** A schedule without what is only shown. Parsing would round large integers of its payload: its text is kept. */
function inputOf(text: string, what: string): Record<string, unknown> {
  const value = JSON.parse(text) as unknown;
  if (!isObject(value))
    throw new CliError(
      `${what} has no schedule. Expected an object such as {"cron":"0 3 * * *","task":{"type":"cleanup"}}.`,
      2,
    );
  const body = Object.fromEntries(Object.entries(value).filter(([name]) => !SHOWN_ONLY.has(name)));
  const task = rawMember(text, 'task');
  const payload = isObject(body['task']) && task !== null ? rawMember(task, 'payload') : null;
  if (payload !== null) body['task'] = { ...(body['task'] as object), payload: new RawJson(payload) };
  return body;
}

/** The text of a file, or of standard input, and its name for messages. */
async function textIn(file: string | undefined, io: Io): Promise<{ text: string; what: string }> {
  if (file === undefined)
    throw new CliError('--file is missing. Name the file in JSON, or - for standard input.', 2);
  const isInput = file === '-';
  const what = isInput ? 'The standard input' : `The file ${file}`;
  return { text: jsonText(isInput ? await io.readInput() : fileBytes(file), { what }), what };
}

/** The schedule in a file, without its ID. @throws CliError */
export async function scheduleIn(file: string | undefined, io: Io): Promise<ScheduleInput> {
  const { text, what } = await textIn(file, io);
  const { id: _, ...body } = inputOf(text, what);
  return body;
}

/** The schedules in a file: a list, or an object with the list `schedules`. @throws CliError */
export async function schedulesIn(file: string | undefined, io: Io): Promise<NamedInput[]> {
  const { text, what } = await textIn(file, io);
  const list = text.startsWith('{') ? (rawMember(text, 'schedules') ?? '') : text;
  if (!list.startsWith('['))
    throw new CliError(
      `${what} has no list of schedules. Expected [{"id":"nightly","cron":"0 3 * * *","task":{…}}].`,
      2,
    );
  const found = rawItems(list).map((item, i) => inputOf(item, `${what}, entry ${i + 1},`));
  const seen = new Set<string>();
  found.forEach(({ id, business_id: business }, i) => {
    if (typeof id !== 'string')
      throw new CliError(
        `${what}, entry ${i + 1}, has no id. Each schedule needs one, such as "nightly".`,
        2,
      );
    const name = JSON.stringify([id, business ?? null]);
    if (seen.has(name)) throw new CliError(`${what} has the schedule "${id}" twice.`, 2);
    seen.add(name);
  });
  return found as unknown as NamedInput[];
}
