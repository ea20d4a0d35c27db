import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';

/** Reads a page of a scheduler's entries, from index `first` on; an empty page = no more. */
export interface SchedulerReadCall {
  readonly key: string;
  readonly first: number;
}

export const schedulerRead = defineScript({
  name: 'scheduler-read',
  lua: lua.schedulerRead,
  keys: ({ key }: SchedulerReadCall) => [key],
  args: ({ first }) => [first],
  reply: (raw) => raw as readonly Buffer[],
});
