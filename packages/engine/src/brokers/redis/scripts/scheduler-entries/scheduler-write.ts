import { schedulerEntriesKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';

export interface SchedulerWriteCall {
  readonly scheduler: string;
  /** Until the key expires. */
  readonly seconds: number;
  /** The first of several calls: it replaces the earlier entries. */
  readonly first: boolean;
  readonly entries: readonly Buffer[];
}

export const schedulerWrite = defineScript({
  name: 'scheduler-write',
  lua: lua.schedulerWrite,
  keys: ({ scheduler }: SchedulerWriteCall) => [schedulerEntriesKey(scheduler)],
  args: ({ seconds, first, entries }) => [seconds, first ? 1 : 0, ...entries],
  reply: () => undefined,
});
