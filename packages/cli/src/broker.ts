import type { Broker } from '@task-center/engine';
import { CliError, explain } from './errors.ts';

/**
 * Opens the broker itself, for commands that work without the service.
 *
 * @param action what the user should do while the service is stopped, for the error when SQLite's file is in use
 */
export async function openBroker(url: string, action: string): Promise<Broker> {
  const { connect, isTaskCenterError } = await import('@task-center/engine');
  try {
    return await connect(url);
  } catch (error) {
    if (!isTaskCenterError(error, 'database-in-use')) throw error;
    const fix = `Stop the service, ${action}, and start it again.`;
    throw new CliError(`${explain(error)} ${fix}`, 1, { cause: error });
  }
}
