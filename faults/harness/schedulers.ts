import { connect, Schedules } from '@task-center/engine';
import { eachSecond, type EachSecond, type EachSecondOptions } from './fires.ts';
import type { MemberOptions, PlainSchedule, SchedulesOptions } from './member.ts';
import type { Run } from './run.ts';

/** Workers only run tasks here; schedulers do the rest. */
export const WORK = { concurrency: 50, maintenance: false } as const;

const PARALLEL_PUTS = 50;

export interface FiringOptions extends Pick<MemberOptions, 'url'> {
  readonly schedulers: number;
  /** What is different about the schedules. */
  change?(span: EachSecond): EachSecond;
  /** Edits while they fire, by a process of their own. */
  editing?(span: EachSecond): Pick<SchedulesOptions, 'edit' | 'replace' | 'editUntilMs'>;
}

/** Stores schedules. On SQLite no other process may be alive. */
export async function putSchedules({ bed }: Run, schedules: readonly PlainSchedule[]): Promise<void> {
  const broker = await connect(bed.url, { log: false });
  const library = new Schedules(broker);
  const put = ({ startsAtMs, endsAtMs, ...schedule }: PlainSchedule) =>
    library.put({
      ...schedule,
      ...(startsAtMs !== undefined && { startsAt: new Date(startsAtMs) }),
      ...(endsAtMs !== undefined && { endsAt: new Date(endsAtMs) }),
    });
  for (let from = 0; from < schedules.length; from += PARALLEL_PUTS)
    await Promise.all(schedules.slice(from, from + PARALLEL_PUTS).map(put));
  await broker.close();
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
  const span = change(eachSecond(options));
  await putSchedules(run, span.schedules);
  if (Date.now() >= span.fromMs)
    throw new Error('this machine is too busy: the schedules were stored too late');
  const edits = editing(span);
  if (run.bed.isSingleProcess) {
    const work = { ...WORK, maintenance: true };
    await run.start({ work, produce: { count: 0 }, schedules: { queues, ...edits } });
  } else if (edits.editUntilMs !== undefined) await run.start({ schedules: edits });
  return span;
}
