// How schedules and their fires look for people. Scripts take `--json`, which is the service's answer as it came.

import type { Fire, Schedule } from '@task-center/api';
import { oneLine, pairs, type Column, type Paint } from '../output.ts';

/** What fires it, for people. */
const planOf = ({ cron, every, from, at }: Schedule): string =>
  cron ?? (every === null ? (at ?? '') : `every ${every}${from === 'end' ? ' after the end' : ''}`);

/** What is not as usual, and may be why somebody looks. */
const unusualOf = ({ paused, pause_reason: reason, failing, late }: Schedule): string =>
  [paused && `paused${reason === null ? '' : `: ${reason}`}`, failing && 'failing', late && 'late']
    .filter(Boolean)
    .join('; ');

/** Two businesses may have a schedule with the same ID. */
export const nameOf = ({
  id,
  business,
}: {
  readonly id: string;
  readonly business: string | null;
}): string => (business === null ? id : `${id} (${business})`);

/** The list is for finding one: `show` has the rest. */
export const SCHEDULE_COLUMNS: readonly Column<Schedule>[] = [
  { title: 'id', text: ({ id, business_id: business }) => nameOf({ id, business }) },
  { title: 'plan', text: planOf },
  { title: 'zone', text: ({ timezone }) => timezone },
  { title: 'queue', text: ({ task }) => task.queue },
  { title: 'next fire', text: ({ next_fire_at: next }) => next ?? '-' },
  { title: 'runs', right: true, text: ({ runs }) => String(runs) },
  { title: 'owner', text: ({ owner }) => owner ?? '' },
  { title: '', text: unusualOf },
];

/**
 * What became of each fire. `count` is the number of fires that a line stands for: those that were left out together have one line. `ms`
 * is how long its tasks took, from the fire to the last end.
 */
export const FIRE_COLUMNS: readonly Column<Fire>[] = [
  { title: 'fire at', text: ({ fire_at: at }) => at },
  { title: 'outcome', text: ({ outcome }) => outcome },
  { title: 'count', right: true, text: ({ count }) => String(count) },
  { title: 'late ms', right: true, text: ({ lateness_ms: ms }) => String(ms ?? '-') },
  { title: 'task', text: ({ task_id: id }) => id ?? '-' },
  { title: 'ended as', text: ({ task_state: state }) => state ?? '-' },
  { title: 'ms', right: true, text: ({ duration_ms: ms }) => String(ms ?? '-') },
];

/** A number that is shown unless it is the usual one. */
const unless = (usual: number, number: number | null): string | null =>
  number === usual || number === null ? null : String(number);

/** What happens to fires that nobody made in time. */
const misfireText = ({ policy, grace, limit }: Schedule['misfire']): string =>
  `${policy}${policy === 'catch_up' ? ` of ${limit}` : ''}, grace ${grace}`;

/** The URL that a callback goes to. Answers have it without its secrets. */
const callbackUrl = ({ callback }: Schedule['task']): string | null =>
  (callback as { readonly url?: string } | undefined)?.url ?? null;

/**
 * A schedule for people. What is not set has no line.
 *
 * @param payload that of its task, as it was received; null = it has none
 */
export function scheduleText(schedule: Schedule, payload: string | null, paint: Paint): string {
  const { id, name, source, owner, timezone, calendar, task, misfire, overlap, runs, version } = schedule;
  const { dialect, jitter, max_runs: maxRuns, shards, skip_next: skips } = schedule;
  const facts = pairs([
    ['name', name],
    ['business', schedule.business_id],
    ['owner', owner],
    ['source', source],
    ['plan', planOf(schedule)],
    ['dialect', dialect === 'quartz' ? dialect : null],
    ['zone', timezone],
    ['calendar', calendar],
    ['starts', schedule.starts_at],
    ['ends', schedule.ends_at],
    ['task', `${task.type} in ${task.queue}`],
    ['callback', callbackUrl(task)],
    ['payload', payload],
    ['shards', unless(1, shards)],
    ['jitter', jitter === '0s' ? null : jitter],
    ['overlap', overlap],
    ['misfire', misfireText(misfire)],
    ['skips next', unless(0, skips)],
    ['next fire', schedule.next_fire_at ?? '-'],
    ['last fire', schedule.last_fire],
    ['runs', maxRuns === null ? String(runs) : `${runs} of ${maxRuns}`],
    ['version', String(version)],
    ['note', unusualOf(schedule) || null],
  ]);
  return `${paint('bold', oneLine(id))}\n${facts}`;
}
