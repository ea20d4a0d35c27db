import type { Broker } from '@task-center/engine';
import { CliError } from './cli-error.ts';
import { explain } from './explain.ts';

/** The broker itself, for commands that work without the service. `meanwhile`: what is done while it is stopped. */
export async function openBroker(url: string, meanwhile: string): Promise<Broker> {
  const { connect, isTaskCenterError } = await import('@task-center/engine');
  try {
    return await connect(url);
  } catch (error) {
    if (!isTaskCenterError(error, 'database-in-use')) throw error;
    const fix = `Stop the service, ${meanwhile}, and start it again.`;
    throw new CliError(`${explain(error)} ${fix}`, 1, { cause: error });
  }
}
