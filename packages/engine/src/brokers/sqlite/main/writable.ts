// Asks the store whether it would take a new task now.
import { TaskCenterError } from '../../../errors/task-center-error.ts';
import { systemClock } from '../../../runtime/clock.ts';
import { within } from '../../../runtime/within.ts';
import type { StoreCalls } from '../thread/requests.ts';

/** A disk that does not answer within this time hangs. */
const MAX_WRITE_MS = 2_000;

/**
 * Resolves when the store has written to its disk.
 *
 * @param broker its name, for errors
 * @throws TaskCenterError `broker-unavailable`, `broker-full`, `broker-refused`, `broker-closed`
 */
export async function askToWrite(broker: string, calls: Pick<StoreCalls, 'ask'>): Promise<void> {
  const isWritten = await within(systemClock, MAX_WRITE_MS, async () => {
    await calls.ask('checkWritable', null);
    return true;
  });
  if (isWritten === true) return;
  const cause = 'no answer in time';
  throw new TaskCenterError('broker-unavailable', { broker, outcome: 'unknown', cause });
}
