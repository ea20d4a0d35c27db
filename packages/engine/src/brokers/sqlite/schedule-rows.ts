// A schedule as it is stored in a row, and as it travels between the threads.
import type { ScheduleRecord } from '../../broker/schedule-records.ts';
import { rowFormat } from './rows.ts';

/** A plan as it is stored: `open` is JSON, `awaitsEnd` 0 or 1. */
export interface PlanRow extends Pick<
  ScheduleRecord,
  'ledger' | 'lastFireMs' | 'nextFireMs' | 'nextLookMs' | 'runs'
> {
  readonly open: string;
  readonly awaitsEnd: 0 | 1;
}

/** What else is stored of a schedule, but for its specification. */
export type FactsOfSchedule = Pick<
  ScheduleRecord,
  'name' | 'business' | 'owner' | 'source' | 'calendar' | 'pauseReason'
>;

/** A row, without its specification. */
export interface ScheduleRow
  extends
    PlanRow,
    FactsOfSchedule,
    Pick<ScheduleRecord, 'revision' | 'specStamp' | 'stamp' | 'createdMs' | 'changedMs'> {
  readonly no: number;
  /** The number of its queue. */
  readonly queue: number;
  readonly queueName: string;
  readonly failing: 0 | 1;
  readonly plannedMs: number;
}

/** A schedule that is due. There are thousands in a second. */
// prettier-ignore
export const SCHEDULE = rowFormat<ScheduleRow>((row) => [
  row.no, row.queue, row.queueName, row.name, row.revision, row.specStamp, row.stamp, row.createdMs, row.changedMs, row.plannedMs,
  row.nextLookMs, row.nextFireMs, row.lastFireMs, row.runs, row.awaitsEnd, row.failing,
  row.business, row.owner, row.source, row.calendar, row.pauseReason, row.open, row.ledger,
]);
