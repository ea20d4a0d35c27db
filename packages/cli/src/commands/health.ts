// `health`: whether a service is ready, and which of its checks fail.

import type { Health } from '@task-center/api';
import type { Command } from 'commander';
import { CliError } from '../errors.ts';
import type { Io } from '../io.ts';
import { oneLine, painter, pairs } from '../output.ts';
import { addServiceOptions, openService, type ServiceOptions } from '../service.ts';

interface HealthOptions extends ServiceOptions {
  readonly json?: boolean;
}

/** What each state of the service means for those who use it. */
const MEANINGS: Readonly<Record<Health['status'], string>> = {
  ok: 'takes requests, and does all that it should',
  starting: 'has not started yet',
  stopping: 'is stopping',
  unavailable: 'cannot use its broker',
  full: 'takes no tasks: the broker has no room',
  unsafe: 'takes no tasks: the broker cannot keep its promises',
  stuck: 'hangs in part',
};

function healthText({ status, checks }: Health, io: Io): string {
  const paint = painter(io.colours.out);
  const isOk = status === 'ok';
  const meaning = MEANINGS[status] ?? 'is in a state that this version does not know';
  const title = `${paint(isOk ? 'green' : 'red', status)}: the service ${meaning}`;
  if (checks === undefined) return title;
  const rows = checks.map(({ name, ok, detail }): [string, string] => [
    name,
    ok ? 'ok' : paint('red', oneLine(detail ?? 'failed')),
  ]);
  return [title, pairs(rows)].join('\n');
}

/** With `--json` the answer is printed as it was received. The exit code says whether the service is ready, as Docker wants it. */
async function showHealth(options: HealthOptions, io: Io): Promise<void> {
  const service = openService(options, io.env, { isKeyOptional: true });
  const health = await service.api.getReadiness({ query: service.hasKey ? { verbose: 'true' } : {} });
  io.out(options.json ? service.lastAnswer() : healthText(health, io));
  if (health.status !== 'ok') throw new CliError(`The service is not ready: ${health.status}.`);
}

const EXAMPLE = `
The checks are shown with the key of an operator; without a key file just the state. The exit code is 0 if the service is
ready, else 1. The URL may be that of health.port.

Examples:
  task-center health
  task-center health --json
  task-center health --url http://127.0.0.1:7421`;

/** Adds `health`. */
export function addHealth(program: Command, io: Io): void {
  const command = program
    .command('health')
    .description('show whether the service is ready, and which of its checks fail')
    .option('--json', 'print it as JSON')
    .addHelpText('after', EXAMPLE);
  addServiceOptions(command).action((options: HealthOptions) => showHealth(options, io));
}
