import { schedulerHistoryKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';

export interface SchedulerHistoryCall {
  readonly entryId: string;
  /** Indexes from 0, newest first; both inclusive. */
  readonly first: number;
  readonly last: number;
}

export const schedulerHistory = defineScript({
  name: 'scheduler-history',
  lua: lua.schedulerHistory,
  keys: ({ entryId }: SchedulerHistoryCall) => [schedulerHistoryKey(entryId)],
  args: ({ first, last }) => [first, last],
  reply: (raw) => raw as readonly Buffer[],
});
