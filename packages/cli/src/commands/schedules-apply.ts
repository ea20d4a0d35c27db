// `schedules apply`: makes the stored schedules as a file has them, hundreds at once. It is repeatable: what is so already is not
// touched, and a run that was cut off is completed by the next one.

import { ApiError, type ApiClient, type Schedule } from '@task-center/api';
import type { Command } from 'commander';
import { CliError, explain } from '../errors.ts';
import type { Io } from '../io.ts';
import { oneLine } from '../output.ts';
import { addServiceOptions, openService, type ServiceOptions } from '../service.ts';
import { differences, type Difference } from './schedule-differences.ts';
import { schedulesIn, type NamedInput } from './schedule-file.ts';
import { nameOf as shownName } from './schedule-text.ts';

interface ApplyOptions extends ServiceOptions {
  /** A file with schedules in JSON; `-` = standard input. Required. */
  readonly file?: string;
  /** The owner of all of them. */
  readonly owner?: string;
  /** Whether those of the owner that the file does not have are deleted. */
  readonly prune?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** What becomes of one schedule. `refused`: `reason` says why; the stored one stays as it is. */
interface Change {
  readonly id: string;
  readonly business_id: string | null;
  readonly action: 'create' | 'change' | 'delete' | 'none' | 'refused';
  readonly differences: readonly Difference[];
  readonly reason?: string;
}

/** The ID of a schedule within its business: two businesses may have the same one. */
const nameOf = ({
  id,
  business_id: business = null,
}: {
  id: string;
  business_id?: string | null | undefined;
}) => JSON.stringify([id, business]);

/** All stored schedules that the key sees, or those of an owner, by name. Lists have no payloads. */
async function storedSchedules(client: ApiClient, owner?: string): Promise<Map<string, Schedule>> {
  const found = new Map<string, Schedule>();
  let cursor: string | undefined;
  do {
    const query = {
      limit: '500',
      ...(owner !== undefined && { owner }),
      ...(cursor !== undefined && { cursor }),
    };
    const page = await client.listSchedules({ query });
    for (const schedule of page.data) found.set(nameOf(schedule), schedule);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return found;
}

const queryOf = (business: string | null | undefined) =>
  business === null || business === undefined ? {} : { business_id: business };

/** What came of a call that the service has refused. Without an answer there is no sense in going on. @throws what is no refusal */
function refusalOf(error: unknown): Pick<Change, 'action' | 'differences' | 'reason'> {
  if (!(error instanceof ApiError)) throw error;
  return { action: 'refused', differences: [], reason: explain(error) };
}

/**
 * Compares one schedule of the file with the stored one, and puts it. It is read again by itself, because lists have no payloads. With
 * `dryRun` the service checks it as if it were put: what would be refused is told before anything is changed.
 */
async function applyOne(
  client: ApiClient,
  input: NamedInput,
  { listed, dryRun }: { readonly listed: Schedule | undefined; readonly dryRun: boolean },
): Promise<Change> {
  const { id, ...body } = input;
  const business_id = input.business_id ?? null;
  const params = { id };
  const about = { id, business_id: listed?.business_id ?? business_id };
  try {
    const query = queryOf(business_id);
    const stored = listed === undefined ? null : await client.getSchedule({ params, query });
    const found = stored === null ? [] : differences(stored, input);
    const dry = dryRun ? { dry_run: 'true' as const } : {};
    const after = await client.putSchedule({ params, query: { ...query, ...dry }, body });
    if (stored === null) return { ...about, action: 'create', differences: [] };
    // Only the service can compare secrets. A dry run leaves the version as it is.
    const isChanged = dryRun ? after.updated_at !== stored.updated_at : after.version !== stored.version;
    return { ...about, action: isChanged ? 'change' : 'none', differences: isChanged ? found : [] };
  } catch (error) {
    return { ...about, ...refusalOf(error) };
  }
}

/** Deletes one that the file no longer has. Its tasks stay. */
async function pruneOne(client: ApiClient, { id, business_id }: Schedule, dryRun: boolean): Promise<Change> {
  try {
    if (!dryRun) await client.deleteSchedule({ params: { id }, query: queryOf(business_id) });
    return { id, business_id, action: 'delete', differences: [] };
  } catch (error) {
    return { id, business_id, ...refusalOf(error) };
  }
}

/** Schedules that are put at the same time. */
const MAX_PARALLEL = 8;

/** Runs a call for each item, a few at the same time, and adds what came of it in the order of the items. @throws the first failure */
async function inTurns<Item, Result>(
  items: readonly Item[],
  results: Result[],
  run: (item: Item) => Promise<Result>,
): Promise<void> {
  for (let from = 0; from < items.length; from += MAX_PARALLEL) {
    const ended = await Promise.allSettled(items.slice(from, from + MAX_PARALLEL).map(run));
    results.push(...ended.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : [])));
    for (const each of ended) if (each.status === 'rejected') throw each.reason;
  }
}

/** As tools that compare texts mark their lines. */
const SIGNS = { create: '+', change: '~', delete: '-', none: ' ', refused: '!' } as const;

/** One schedule in the output: what becomes of it, and each field that differs. */
function changeText({ id, business_id: business, action, differences: found, reason }: Change): string {
  const name = oneLine(shownName({ id, business }));
  const lines = found.map(({ path, from, to }) => `    ${oneLine(`${path}: ${from} -> ${to}`)}`);
  const why = reason === undefined ? '' : `  ${oneLine(reason)}`;
  return [`${SIGNS[action]} ${name}${why}`, ...lines].join('\n');
}

/** Those that stay as they are appear in the counts alone: among hundreds, the changes must be found. */
function printChanges(changes: readonly Change[], { json, dryRun }: ApplyOptions, io: Io): void {
  if (json) return io.out(JSON.stringify({ dry_run: dryRun === true, changes }));
  const number = (action: Change['action']) => changes.filter((change) => change.action === action).length;
  const shown = changes.filter(({ action }) => action !== 'none').map(changeText);
  const counts = `${number('create')} to create, ${number('change')} to change, ${number('delete')} to delete, ${number('none')} as they are`;
  const done = `${number('create')} created, ${number('change')} changed, ${number('delete')} deleted, ${number('none')} as they were`;
  const refused =
    number('refused') > 0 ? `, ${number('refused')} ${dryRun ? 'to be refused' : 'refused'}` : '';
  io.out([...shown, (dryRun ? counts : done) + refused].join('\n'));
}

/** The business that a key with just one of them means where none is named. */
async function ownBusiness(client: ApiClient): Promise<string | null> {
  const { businesses } = await client.getMe();
  return businesses?.length === 1 ? businesses[0]! : null;
}

/** What the file has, and what is stored. */
interface Compared {
  readonly inputs: readonly NamedInput[];
  readonly stored: ReadonlyMap<string, Schedule>;
  /** What has become of each so far. */
  readonly changes: Change[];
}

/** Makes all changes. @throws CliError the service does not answer any more */
async function applyAll(
  client: ApiClient,
  { inputs, stored, changes }: Compared,
  { owner, prune = false, dryRun = false }: ApplyOptions,
): Promise<void> {
  await inTurns(inputs, changes, (input) =>
    applyOne(client, input, { listed: stored.get(nameOf(input)), dryRun }),
  );
  // Where anything was refused, what seems superfluous may be needed.
  if (!prune || changes.some(({ action }) => action === 'refused')) return;
  const kept = new Set(inputs.map(nameOf));
  const others = [...stored.values()].filter(
    (schedule) => schedule.owner === owner && schedule.source !== 'config' && !kept.has(nameOf(schedule)),
  );
  await inTurns(others, changes, (schedule) => pruneOne(client, schedule, dryRun));
}

/** Tells at the end what was refused. @throws CliError anything was */
function requireAll(changes: readonly Change[], { prune = false, dryRun = false }: ApplyOptions): void {
  const refused = changes.filter(({ action }) => action === 'refused').length;
  if (refused === 0) return;
  const number = `${refused} of ${changes.length} schedules`;
  const pruned = prune ? ', and nothing pruned' : '';
  throw new CliError(
    dryRun
      ? `${number} would be refused; the others would be applied${pruned}. Nothing was changed.`
      : `${number} were refused; the others were applied${pruned}.`,
    1,
  );
}

/** Everything is tried, and what was refused is told at the end: one schedule with a fault must not keep the others from running. */
async function apply(options: ApplyOptions, io: Io): Promise<void> {
  const { owner, prune = false } = options;
  if (prune && owner === undefined)
    throw new CliError(
      '--prune needs --owner: it deletes the schedules of that owner that the file does not have.',
      2,
    );
  const found = await schedulesIn(options.file, io);
  const { api: client } = openService(options, io.env);
  const business = await ownBusiness(client);
  const inputs = found.map((input) => ({
    ...input,
    ...(owner !== undefined && { owner }),
    // As the service takes it, or a schedule would not be found among those that are stored.
    ...(business !== null && { business_id: input.business_id ?? business }),
  }));
  const stored = await storedSchedules(client);
  const changes: Change[] = [];
  try {
    await applyAll(client, { inputs, stored, changes }, options);
  } catch (error) {
    printChanges(changes, options, io);
    throw new CliError(`${explain(error)} The rest was not tried: apply the file again.`, 1, {
      cause: error,
    });
  }
  printChanges(changes, options, io);
  requireAll(changes, options);
}

/** Adds `schedules apply`. */
export function addApply(schedules: Command, io: Io): void {
  const applying = schedules
    .command('apply')
    .description('make the stored schedules as a file has them: a list in JSON, each as for put, with its id')
    .option('-f, --file <path>', 'file with the schedules; - reads standard input (required)')
    .option('--owner <name>', 'the owner of all of them')
    .option('--prune', 'delete schedules of that owner that the file does not have')
    .option('--dry-run', 'change nothing; show what would change, and what would be refused')
    .option('--json', 'print the changes as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  task-center schedules apply -f schedules.json --owner reports --prune --dry-run',
    );
  addServiceOptions(applying).action((options: ApplyOptions) => apply(options, io));
}
