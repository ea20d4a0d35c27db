// `enqueue`: turns flags into the body of `POST /v1/tasks`. It checks only what the shell can spoil; the service checks
// every field, and its messages name the field.

import { RawJson, type CallbackInput, type Task, type TaskInput } from '@task-center/api';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { CliError } from '../errors.ts';
import type { Io } from '../io.ts';
import { fileBytes, jsonText } from '../json-input.ts';
import { addServiceOptions, openService, type ServiceOptions } from '../service.ts';

/** The arguments of the flags, by commander's names, such as `runAt`. */
type EnqueueOptions = ServiceOptions & Readonly<Record<string, unknown>>;

/** A flag, and the field of the body that its argument goes into. */
interface Flag {
  readonly flags: string;
  readonly about: string;
  readonly field: keyof TaskInput | `callback.${keyof CallbackInput}` | 'retry.max_retries';
  /** Reads an argument while the command line is parsed. Default: a text, which the service checks. */
  parse?(argument: string, earlier: unknown): unknown;
  /** Turns the argument into the value of the field. Default: it is the value. */
  toField?(argument: unknown, io: Io): unknown;
}

/** Collects the values of a flag that may be repeated. */
const collect = (value: string, values: readonly string[] = []) => [...values, value];

/** Refuses anything but a whole number. The service decides whether the number is allowed. */
function wholeNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('Expected a whole number.');
  return Number(text);
}

/**
 * The payload. Its text is checked but sent unchanged, because parsing would spoil large integers.
 *
 * @param given JSON, `@path` for a file, or `@-` for standard input
 */
async function payloadOf(given: string, io: Io): Promise<RawJson> {
  const source = { what: 'The payload', otherwise: 'Use --payload-text for other text.' };
  return new RawJson(jsonText(await payloadBytes(given, io), source));
}

/** The same bytes, wherever they come from, are treated alike. Arguments were checked before the command began. */
async function payloadBytes(given: string, io: Io): Promise<Uint8Array> {
  if (given === '@-') return io.readInput();
  return given.startsWith('@') ? fileBytes(given.slice(1)) : Buffer.from(given);
}

/**
 * Headers from lines such as `Name: value`.
 *
 * @throws CliError for a line without a name, and for a name that comes twice; it shows no line, which may be a secret
 */
function headersOf(lines: readonly string[]): Record<string, string> {
  const pairs = lines.map((line, index) => {
    const colon = line.indexOf(':');
    if (colon < 1)
      throw new CliError(`--header number ${index + 1} has no name. Expected --header 'Name: value'.`, 2);
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()] as const;
  });
  const headers = new Map(pairs);
  // Names that differ only in case or in marks are for the service to refuse.
  if (headers.size < pairs.length)
    throw new CliError('--header names a header twice. Give each one once.', 2);
  return Object.fromEntries(headers);
}

/** The flags, in the order in which the help shows them. A field of the contract becomes a flag by a row here. */
const FLAGS: readonly Flag[] = [
  { flags: '--id <id>', field: 'id', about: 'ID of the task (else a new one)' },
  { flags: '--callback-url <url>', field: 'callback.url', about: 'deliver the task to this URL' },
  { flags: '--type <type>', field: 'type', about: 'type of the task (needed without --callback-url)' },
  { flags: '--queue <name>', field: 'queue', about: 'queue (else default)' },
  {
    flags: '--priority <priority>',
    field: 'priority',
    about: 'critical, high, normal or low, instead of --queue',
  },
  {
    flags: '--payload <json>',
    field: 'payload',
    about: 'payload as JSON; @path reads a file, @- standard input',
    toField: payloadOf,
  },
  { flags: '--payload-text <text>', field: 'payload_text', about: 'payload as plain text' },
  { flags: '--delay <duration>', field: 'delay', about: 'start after this long, such as 3s or 1h30m' },
  { flags: '--run-at <time>', field: 'run_at', about: 'start at this time, such as 2026-11-24T08:00:00Z' },
  { flags: '--deadline <time>', field: 'deadline', about: 'no attempt runs after this time' },
  {
    flags: '--timeout <duration>',
    field: 'timeout',
    about: 'longest time of one attempt (30m; callbacks: 10s)',
  },
  {
    flags: '--max-retries <count>',
    field: 'retry.max_retries',
    about: 'retries after the first attempt (3)',
    parse: wholeNumber,
  },
  {
    flags: '--retention <duration>',
    field: 'retention',
    about: 'how long the completed task is kept (24h)',
  },
  { flags: '--method <method>', field: 'callback.method', about: "the callback's method (POST)" },
  {
    flags: '--header <header>',
    field: 'callback.headers',
    about: "a header of the callback, 'Name: value'; may be repeated",
    parse: collect,
    toField: headersOf,
  },
  {
    flags: '--body <body>',
    field: 'callback.body',
    about: "the callback's body: payload, envelope or none (payload)",
  },
  { flags: '--business-id <id>', field: 'business_id', about: 'business that the task belongs to' },
  { flags: '--user-id <id>', field: 'user_id', about: 'user that the task belongs to' },
  {
    flags: '--trace-id <id>',
    field: 'trace_id',
    about: 'trace that the task belongs to, 32 hexadecimal digits',
  },
  { flags: '--tag <tag>', field: 'tags', about: 'a tag; may be repeated', parse: collect },
];

/** Commander's option for a flag. Commander derives a property name from it: `--run-at` becomes `runAt`. */
function optionOf({ flags, about, parse }: Flag): Option {
  const option = new Option(flags, about);
  return parse === undefined ? option : option.argParser(parse);
}

/**
 * Whether a flag goes into the body. Without a callback, an empty text for one is left out.
 *
 * @throws CliError for a flag of a callback without the one that every callback needs
 */
function isUsed({ field }: Flag, argument: unknown, { callbackUrl }: EnqueueOptions): boolean {
  if (argument === undefined) return false;
  if (callbackUrl !== undefined || !field.startsWith('callback.')) return true;
  if (argument === '') return false;
  throw new CliError('--method, --header and --body need --callback-url.', 2);
}

/** The body of the submission: the argument of each flag in its field. */
async function taskInput(options: EnqueueOptions, io: Io): Promise<TaskInput> {
  const body: Record<string, unknown> = {};
  for (const flag of FLAGS) {
    const argument = options[optionOf(flag).attributeName()];
    if (!isUsed(flag, argument, options)) continue;
    const value = flag.toField === undefined ? argument : await flag.toField(argument, io);
    // `callback.url` is the field `url` of the object `callback`, which the first such flag creates.
    const [name = '', part] = flag.field.split('.');
    body[name] = part === undefined ? value : { ...(body[name] as object | undefined), [part]: value };
  }
  // The texts may be invalid; the service says so.
  return body;
}

/** The output for people: ID, state, and the time of a delayed start. */
function submittedText({ id, state, due_at: dueAt }: Task): string {
  return state === 'scheduled' && dueAt !== null ? `${id}  ${state}  due ${dueAt}` : `${id}  ${state}`;
}

/** Submits the task. With `--json` the answer is printed as it was received, with every digit of its numbers. */
async function enqueue(options: EnqueueOptions, io: Io): Promise<void> {
  const body = await taskInput(options, io);
  const service = openService(options, io.env);
  const task = await service.api.submitTask({ body });
  io.out(options.json ? service.lastAnswer() : submittedText(task));
}

const EXAMPLE = `
Example:
  task-center enqueue --callback-url http://127.0.0.1:9000/ --delay 3s --payload '{"order":1}'`;

/** Adds `enqueue`, with an option for each row of `FLAGS`. */
export function addEnqueue(program: Command, io: Io): void {
  const command = program.command('enqueue').description('submit a task; prints its ID and state');
  for (const flag of FLAGS) command.addOption(optionOf(flag));
  command.option('--json', 'print the task as JSON').addHelpText('after', EXAMPLE);
  addServiceOptions(command).action((options: EnqueueOptions) => enqueue(options, io));
}
