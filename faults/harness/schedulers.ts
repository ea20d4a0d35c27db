import { connect, Schedules } from '@task-center/engine';
import { eachSecond, type EachSecond, type EachSecondOptions } from './fires.ts';
import type { MemberOptions, PlainSchedule, SchedulesOptions } from './member.ts';
import type { Run } from './run.ts';

/** Workers only run tasks here; schedulers do the rest. */
export const WORK = { concurrency: 50, maintenance: false } as const;

const PARALLEL_PUTS = 50;
/** Until the first fire, by when all schedules must be stored. */
const MIN_LEAD_MS = 10_000;

export interface FiringOptions extends Pick<MemberOptions, 'url'> {
  readonly schedulers: number;
  /** What is different about the schedules. */
  change?(span: EachSecond): EachSecond;
  /** Edits while they fire, by a process of their own. */
  editing?(span: EachSecond): Pick<SchedulesOptions, 'edit' | 'replace' | 'editUntilMs'>;
}

/** Stores schedules, which are made when the broker is open. On SQLite no other process may be alive. */
export async function putSchedules({ bed }: Run, schedules: () => readonly PlainSchedule[]): Promise<void> {
  const broker = await connect(bed.url, { log: false });
  const library = new Schedules(broker);
  const put = ({ startsAtMs, endsAtMs, ...schedule }: PlainSchedule) =>
    library.put({
      ...schedule,
      ...(startsAtMs !== undefined && { startsAt: new Date(startsAtMs) }),
      ...(endsAtMs !== undefined && { endsAt: new Date(endsAtMs) }),
    });
  const all = schedules();
  for (let from = 0; from < all.length; from += PARALLEL_PUTS)
    await Promise.all(all.slice(from, from + PARALLEL_PUTS).map(put));
  await broker.close();
}

/** Puts schedules before their first fire. While nobody fires they are put again, later, where that took too long. */
async function putInTime(
  run: Run,
  options: EachSecondOptions,
  change: (span: EachSecond) => EachSecond,
): Promise<EachSecond> {
  for (let leadMs = MIN_LEAD_MS; ; leadMs *= 2) {
    let span: EachSecond | undefined;
    await putSchedules(run, () => (span = change(eachSecond({ ...options, leadMs }))).schedules);
    if (span && Date.now() < span.fromMs) return span;
    if (run.schedulers.length > 0)
      throw new Error('this machine is too busy: the schedules were stored too late');
  }
}

/** Starts schedulers and a worker, and puts schedules that fire each second. On SQLite one process is all of them. */
export async function startFiring(
  run: Run,
  { schedulers, url, change = (span) => span, editing = () => ({}) }: FiringOptions,
  options: EachSecondOptions,
): Promise<EachSecond> {
  const { queues = ['default'] } = options;
  if (!run.bed.isSingleProcess) {
    await run.start({ work: { ...WORK, queues } });
    const firing = { ...(url !== undefined && { url }), schedules: { queues } };
    await Promise.all(Array.from({ length: schedulers }, () => run.start(firing)));
  }
  const span = await putInTime(run, options, change);
  const edits = editing(span);
  if (run.bed.isSingleProcess) {
    const work = { ...WORK, maintenance: true };
    await run.start({ work, produce: { count: 0 }, schedules: { queues, ...edits } });
  } else if (edits.editUntilMs !== undefined) await run.start({ schedules: edits });
  return span;
}
