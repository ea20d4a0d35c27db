import { schedulerHistoryKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';

export interface SchedulerEventCall {
  readonly entryId: string;
  /** Time of the event, Unix s. */
  readonly seconds: number;
  readonly event: Buffer;
  /** How many events the history keeps. */
  readonly maxEvents: number;
}

export const schedulerEvent = defineScript({
  name: 'scheduler-event',
  lua: lua.schedulerEvent,
  keys: ({ entryId }: SchedulerEventCall) => [schedulerHistoryKey(entryId)],
  args: ({ seconds, event, maxEvents }) => [seconds, event, maxEvents],
  reply: () => undefined,
});
