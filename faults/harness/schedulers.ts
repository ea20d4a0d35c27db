import { connect, Schedules } from '@task-center/engine';
import { eachSecond, type EachSecond, type EachSecondOptions } from './fires.ts';
import type { MemberOptions, PlainSchedule, SchedulesOptions } from './member.ts';
import type { Run } from './run.ts';

/** Workers only run tasks here; schedulers do the rest. */
export const WORK = { concurrency: 50, maintenance: false } as const;

export interface FiringOptions extends Pick<MemberOptions, 'url'> {
  readonly schedulers: number;
  /** Edits while they fire, by a process of their own. */
  editing?(span: EachSecond): Pick<SchedulesOptions, 'edit' | 'replace' | 'editUntilMs'>;
}

/** Stores schedules. On SQLite no other process may be alive. */
export async function putSchedules({ bed }: Run, schedules: readonly PlainSchedule[]): Promise<void> {
  const broker = await connect(bed.url, { log: false });
  const library = new Schedules(broker);
  for (const { startsAtMs, endsAtMs, ...schedule } of schedules)
    await library.put({
      ...schedule,
      ...(startsAtMs !== undefined && { startsAt: new Date(startsAtMs) }),
      ...(endsAtMs !== undefined && { endsAt: new Date(endsAtMs) }),
    });
  await broker.close();
}

/**
 * Starts schedulers and a worker, and puts schedules that fire each second. On SQLite one process is all of them.
 *
 * @param change what is different about the schedules
 */
export async function startFiring(
  run: Run,
  { schedulers, url, editing = () => ({}) }: FiringOptions,
  options: EachSecondOptions,
  change: (span: EachSecond) => EachSecond = (span) => span,
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
