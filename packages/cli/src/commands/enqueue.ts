// `enqueue`: turns flags into the body of `POST /v1/tasks`. It checks only what the shell can spoil; the service checks
// every field, and its messages name the field.

import { RawJson, type Task, type TaskInput } from '@task-center/api';
import { InvalidArgumentError, type Command } from 'commander';
import { readFileSync } from 'node:fs';
import { CliError } from '../cli-error.ts';
import type { Io } from '../io.ts';
import { addServiceOptions, openService, type ServiceOptions } from '../service.ts';

/** The flags. Texts are passed on as they are: the service knows what is valid. */
interface EnqueueOptions extends ServiceOptions {
  readonly id?: string;
  readonly type?: string;
  readonly queue?: string;
  readonly priority?: string;
  readonly payload?: string;
  readonly payloadText?: string;
  readonly delay?: string;
  readonly runAt?: string;
  readonly deadline?: string;
  readonly timeout?: string;
  readonly maxRetries?: number;
  readonly retention?: string;
  readonly callbackUrl?: string;
  readonly method?: string;
  readonly header?: readonly string[];
  readonly body?: string;
  readonly businessId?: string;
  readonly userId?: string;
  readonly traceId?: string;
  readonly tag?: readonly string[];
  readonly json?: boolean;
}

/** Collects the values of a flag that may be repeated. */
const collect = (value: string, values: readonly string[] = []) => [...values, value];

function wholeNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('Expected a whole number.');
  return Number(text);
}

/**
 * The payload's text. It is checked but sent unchanged, because parsing would spoil large integers.
 *
 * @param given JSON, `@path` for a file, or `@-` for standard input
 */
async function payloadText(given: string, io: Io): Promise<string> {
  const text =
    given === '@-' ? await io.readInput() : given.startsWith('@') ? readFile(given.slice(1)) : given;
  try {
    JSON.parse(text);
    return text.trim();
  } catch (error) {
    const message = `The payload is not JSON: ${(error as Error).message}. Use --payload-text for other text.`;
    throw new CliError(message, 2, { cause: error });
  }
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CliError(`The file ${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`, 1, {
      cause: error,
    });
  }
}

/** Headers from lines such as `Name: value`. @throws CliError for a line without a name */
function headersOf(lines: readonly string[]): Record<string, string> {
  const pairs = lines.map((line) => {
    const colon = line.indexOf(':');
    if (colon < 1) throw new CliError(`"${line}" is not a header. Expected --header 'Name: value'.`, 2);
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  });
  return Object.fromEntries(pairs) as Record<string, string>;
}

/** The callback, or undefined without `--callback-url`, which the other flags of a callback need. */
function callbackInput({
  callbackUrl,
  method,
  header,
  body,
}: EnqueueOptions): Record<string, unknown> | undefined {
  if (callbackUrl === undefined) {
    if (method ?? header ?? body) throw new CliError('--method, --header and --body need --callback-url.', 2);
    return undefined;
  }
  return { url: callbackUrl, method, body, headers: header && headersOf(header) };
}

/** The body of the submission: each flag under the name of its field. */
async function taskInput(options: EnqueueOptions, io: Io): Promise<TaskInput> {
  const payload = options.payload === undefined ? undefined : await payloadText(options.payload, io);
  const input = {
    id: options.id,
    type: options.type,
    queue: options.queue,
    priority: options.priority,
    payload: payload === undefined ? undefined : new RawJson(payload),
    payload_text: options.payloadText,
    delay: options.delay,
    run_at: options.runAt,
    deadline: options.deadline,
    timeout: options.timeout,
    retention: options.retention,
    business_id: options.businessId,
    user_id: options.userId,
    trace_id: options.traceId,
    tags: options.tag,
    retry: options.maxRetries === undefined ? undefined : { max_retries: options.maxRetries },
    callback: callbackInput(options),
  };
  // `undefined` fields are left out of the JSON. The texts may still be invalid; the service says so.
  return input as unknown as TaskInput;
}

/** The output for people: ID, state, and the time of a delayed start. */
function stateText({ id, state, due_at: dueAt }: Task): string {
  return state === 'scheduled' && dueAt !== null ? `${id}  ${state}  due ${dueAt}` : `${id}  ${state}`;
}

/** Submits the task. With `--json` the answer is printed as it was received, with every digit of its numbers. */
async function enqueue(options: EnqueueOptions, io: Io): Promise<void> {
  const body = await taskInput(options, io);
  const service = openService(options, io.env);
  const task = await service.api.submitTask({ body });
  io.out(options.json ? service.lastAnswer() : stateText(task));
}

const EXAMPLE = `
Example:
  task-center enqueue --callback-url http://127.0.0.1:9000/ --delay 3s --payload '{"order":1}'`;

export function addEnqueue(program: Command, io: Io): void {
  const command = program
    .command('enqueue')
    .description('submit a task; prints its ID and state')
    .option('--id <id>', 'ID of the task (else a new one)')
    .option('--callback-url <url>', 'deliver the task to this URL')
    .option('--type <type>', 'type of the task (needed without --callback-url)')
    .option('--queue <name>', 'queue (else default)')
    .option('--priority <priority>', 'critical, high, normal or low, instead of --queue')
    .option('--payload <json>', 'payload as JSON; @path reads a file, @- standard input')
    .option('--payload-text <text>', 'payload as plain text')
    .option('--delay <duration>', 'start after this long, such as 3s or 1h30m')
    .option('--run-at <time>', 'start at this time, such as 2026-11-24T08:00:00Z')
    .option('--deadline <time>', 'no attempt runs after this time')
    .option('--timeout <duration>', 'longest time of one attempt (30m; callbacks: 10s)')
    .option('--max-retries <count>', 'retries after the first attempt (3)', wholeNumber)
    .option('--retention <duration>', 'how long the completed task is kept (24h)')
    .option('--method <method>', "the callback's method (POST)")
    .option('--header <header>', "a header of the callback, 'Name: value'; may be repeated", collect)
    .option('--body <body>', "the callback's body: payload, envelope or none (payload)")
    .option('--business-id <id>', 'business that the task belongs to')
    .option('--user-id <id>', 'user that the task belongs to')
    .option('--trace-id <id>', 'trace that the task belongs to, 32 hexadecimal digits')
    .option('--tag <tag>', 'a tag; may be repeated', collect)
    .option('--json', 'print the task as JSON')
    .addHelpText('after', EXAMPLE);
  addServiceOptions(command).action((options: EnqueueOptions) => enqueue(options, io));
}
