import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';

export interface SchedulerReadCall {
  readonly key: string;
  readonly from: number;
}

export const schedulerRead = defineScript({
  name: 'scheduler-read',
  lua: lua.schedulerRead,
  keys: ({ key }: SchedulerReadCall) => [key],
  args: ({ from }) => [from],
  reply: (raw) => raw as readonly Buffer[],
});
