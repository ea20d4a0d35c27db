// `schedules fires`: what became of the fires of one schedule or of all, through the HTTP API.

import type { CallInput, Fire } from '@task-center/api';
import { InvalidArgumentError, type Command } from 'commander';
import type { Io } from '../io.ts';
import { painter, table, type Column } from '../output.ts';
import { addServiceOptions, openService, type ServiceOptions } from '../service.ts';
import { FIRE_COLUMNS, nameOf } from './schedule-text.ts';

/** Filters stay texts: the service checks them. */
interface FiresOptions extends ServiceOptions {
  /** Most lines. */
  readonly number: number;
  readonly businessId?: string;
  readonly owner?: string;
  readonly outcome?: string;
  readonly ended?: string;
  readonly from?: string;
  readonly to?: string;
  readonly json?: boolean;
}

/** Most lines of a page. */
const MAX_PAGE = 500;
/** For how long pages are asked for while there are few lines: a rare filter looks at all that is kept. */
const MAX_SEARCH_MS = 20_000;

function lineNumber(text: string): number {
  const number = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (number === 0) throw new InvalidArgumentError('Expected a number of lines, from 1.');
  return number;
}

type FiresQuery = NonNullable<NonNullable<CallInput<'listFires'>>['query']>;

/** What the query of each page has. */
function filterOf(id: string | undefined, options: FiresOptions): FiresQuery {
  const { businessId: business_id, owner, outcome, ended: task_state, from, to } = options;
  return { schedule_id: id, business_id, owner, outcome, task_state, from, to };
}

/**
 * Lists the newest fires that fit. A page may be short although more follow, as a call looks at a part of the history only: pages are
 * asked for until there are as many lines as were asked for, or the history ends.
 */
async function listFires(id: string | undefined, options: FiresOptions, io: Io): Promise<void> {
  const service = openService(options, io.env);
  const filter = filterOf(id, options);
  const lines: Fire[] = [];
  const endMs = performance.now() + MAX_SEARCH_MS;
  let cursor: string | null = null;
  do {
    const limit = String(Math.min(options.number - lines.length, MAX_PAGE));
    const page: { data: Fire[]; next_cursor: string | null } = await service.api.listFires({
      query: { ...filter, limit, ...(cursor !== null && { cursor }) },
    });
    // Each page is a document of its own, on its own line.
    if (options.json) io.out(service.lastAnswer());
    lines.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor !== null && lines.length < options.number && performance.now() < endMs);
  if (!options.json) {
    const named: Column<Fire> = {
      title: 'schedule',
      text: ({ schedule_id: schedule, business_id: business }) => nameOf({ id: schedule, business }),
    };
    const columns = id === undefined ? [named, ...FIRE_COLUMNS] : FIRE_COLUMNS;
    io.out(lines.length === 0 ? 'no fires' : table(columns, lines, painter(io.colours.out)));
  }
  if (cursor !== null && lines.length < options.number)
    io.err(
      `The search ended after ${MAX_SEARCH_MS / 1_000} s, with ${lines.length} of ${options.number} lines: older fires were not looked at. --to goes on from a time.`,
    );
}

/** Adds `schedules fires`. */
export function addFires(schedules: Command, io: Io): void {
  const listing = schedules
    .command('fires [id]')
    .description('the newest fires, of one schedule or of all: what became of each')
    .option('-n, --number <number>', 'how many lines', lineNumber, 50)
    .option('--business-id <id>', 'the business of the schedule; without an ID only those of this business')
    .option('--owner <name>', 'only those of schedules of this owner')
    .option('--outcome <words>', 'only these, such as refused,skipped_misfire; planned = still to come')
    .option('--ended <words>', 'only those whose tasks ended so, such as archived,cancelled')
    .option('--from <time>', 'only fires at or after this time')
    .option('--to <time>', 'only fires before this time')
    .option('--json', 'print them as JSON, a line for each page')
    .addHelpText(
      'after',
      '\nExamples:\n  task-center schedules fires daily-report\n  task-center schedules fires --ended archived --from 2026-11-29T00:00:00Z',
    );
  addServiceOptions(listing).action((id: string | undefined, options: FiresOptions) =>
    listFires(id, options, io),
  );
}
