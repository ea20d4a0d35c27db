import { schedulerHistoryKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';

export interface SchedulerEventCall {
  readonly entryId: string;
  readonly seconds: number;
  readonly event: Buffer;
  /** How many are kept. */
  readonly most: number;
}

export const schedulerEvent = defineScript({
  name: 'scheduler-event',
  lua: lua.schedulerEvent,
  keys: ({ entryId }: SchedulerEventCall) => [schedulerHistoryKey(entryId)],
  args: ({ seconds, event, most }) => [seconds, event, most],
  reply: () => undefined,
});
