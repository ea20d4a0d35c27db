// `schedules apply`: makes the stored schedules as a file has them, hundreds at once. It is repeatable: what is so already is not
// touched, and a run that was cut off is completed by the next one.

import type { ApiClient, Schedule } from '@task-center/api';
import type { Command } from 'commander';
import { CliError, explain } from '../errors.ts';
import type { Io } from '../io.ts';
import { oneLine } from '../output.ts';
import { addServiceOptions, openService, type ServiceOptions } from '../service.ts';
import { differences, type Difference } from './schedule-differences.ts';
import { schedulesIn, type NamedInput } from './schedule-file.ts';

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

/** What becomes of one schedule. `refused`: `reason` says why; the stored one stays as it was. */
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

/**
 * Compares one schedule of the file with the stored one, and puts it unless `dryRun`. It is read again by itself, because lists have no
 * payloads.
 */
async function applyOne(
  client: ApiClient,
  input: NamedInput,
  { listed, dryRun }: { readonly listed: Schedule | undefined; readonly dryRun: boolean },
): Promise<Change> {
  const { id, ...body } = input;
  const business_id = input.business_id ?? null;
  const target = { params: { id }, query: queryOf(business_id) };
  const about = { id, business_id: listed?.business_id ?? business_id };
  try {
    const stored = listed === undefined ? null : await client.getSchedule(target);
    const found = stored === null ? [] : differences(stored, input);
    const action = stored === null ? 'create' : found.length > 0 ? 'change' : 'none';
    if (dryRun) return { ...about, action, differences: found };
    const after = await client.putSchedule({ ...target, body });
    // Only the service can compare secrets.
    const isChanged = stored !== null && after.version !== stored.version;
    return {
      ...about,
      action: stored === null ? 'create' : isChanged ? 'change' : 'none',
      differences: found,
    };
  } catch (error) {
    return { ...about, action: 'refused', differences: [], reason: explain(error) };
  }
}

/** Deletes one that the file no longer has. Its tasks stay. */
async function pruneOne(client: ApiClient, { id, business_id }: Schedule, dryRun: boolean): Promise<Change> {
  try {
    if (!dryRun) await client.deleteSchedule({ params: { id }, query: queryOf(business_id) });
    return { id, business_id, action: 'delete', differences: [] };
  } catch (error) {
    return { id, business_id, action: 'refused', differences: [], reason: explain(error) };
  }
}

/** Schedules that are put at the same time. */
const MAX_PARALLEL = 8;

/** Runs a call for each item, a few at the same time, and gives the results in the order of the items. */
async function inTurns<Item, Result>(
  items: readonly Item[],
  run: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let from = 0; from < items.length; from += MAX_PARALLEL)
    results.push(...(await Promise.all(items.slice(from, from + MAX_PARALLEL).map(run))));
  return results;
}

/** As tools that compare texts mark their lines. */
const SIGNS = { create: '+', change: '~', delete: '-', none: ' ', refused: '!' } as const;

/** One schedule in the output: what becomes of it, and each field that differs. */
function changeText({ id, business_id: business, action, differences: found, reason }: Change): string {
  const name = oneLine(business === null ? id : `${id} (${business})`);
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
  const refused = number('refused') > 0 ? `, ${number('refused')} refused` : '';
  io.out([...shown, (dryRun ? counts : done) + refused].join('\n'));
}

/** Everything is tried, and what was refused is told at the end: one schedule with a fault must not keep the others from running. */
async function apply(options: ApplyOptions, io: Io): Promise<void> {
  const { owner, prune = false, dryRun = false } = options;
  if (prune && owner === undefined)
    throw new CliError(
      '--prune needs --owner: it deletes the schedules of that owner that the file does not have.',
      2,
    );
  const found = await schedulesIn(options.file, io);
  const inputs = owner === undefined ? found : found.map((input) => ({ ...input, owner }));
  const { api: client } = openService(options, io.env);
  const stored = await storedSchedules(client);
  // A key with one business leaves it out.
  const listed = (input: NamedInput) => stored.get(nameOf(input));
  const changes = await inTurns(inputs, (input) =>
    applyOne(client, input, { listed: listed(input), dryRun }),
  );
  if (prune) {
    const kept = new Set(inputs.map(nameOf));
    const isOthers = (schedule: Schedule) =>
      schedule.owner === owner && schedule.source !== 'config' && !kept.has(nameOf(schedule));
    // Where anything was refused, what seems superfluous may be needed.
    const isSafe = changes.every(({ action }) => action !== 'refused');
    const others = isSafe ? [...stored.values()].filter(isOthers) : [];
    changes.push(...(await inTurns(others, (schedule) => pruneOne(client, schedule, dryRun))));
  }
  printChanges(changes, options, io);
  const refused = changes.filter(({ action }) => action === 'refused').length;
  if (refused > 0)
    throw new CliError(`${refused} of ${changes.length} schedules were refused; the others were applied.`, 1);
}

/** Adds `schedules apply`. */
export function addApply(schedules: Command, io: Io): void {
  const applying = schedules
    .command('apply')
    .description('make schedules as a file has them: a list in JSON, each as for put and with its id')
    .option('-f, --file <path>', 'file with the schedules; - reads standard input (required)')
    .option('--owner <name>', 'the owner of all of them')
    .option('--prune', 'delete schedules of that owner that the file does not have')
    .option('--dry-run', 'change nothing, and show what would change')
    .option('--json', 'print the changes as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  task-center schedules apply -f schedules.json --owner reports --prune --dry-run',
    );
  addServiceOptions(applying).action((options: ApplyOptions) => apply(options, io));
}
