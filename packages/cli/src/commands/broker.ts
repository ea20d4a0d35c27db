// `broker`: what the broker of a service is, and what is wrong with it as a place for tasks.

import type { BrokerState } from '@task-center/api';
import type { Command } from 'commander';
import type { Io } from '../io.ts';
import { oneLine, painter, pairs, type Paint } from '../output.ts';
import { addServiceOptions, openService, type ServiceOptions } from '../service.ts';

interface BrokerCommandOptions extends ServiceOptions {
  readonly json?: boolean;
}

const MIB = 2 ** 20;
const mebibytes = (bytes: number): string => `${Math.ceil(bytes / MIB)} MiB`;

function memoryText({ memory }: BrokerState): string | null {
  if (memory === null) return null;
  const { used_bytes: used, max_bytes: max, policy, evicted_keys: evicted } = memory;
  const limit = max === null ? 'no limit' : `of ${mebibytes(max)}`;
  return `${mebibytes(used)}, ${limit}, ${policy}${evicted > 0 ? `; ${evicted} keys removed` : ''}`;
}

function persistenceText({ persistence }: BrokerState): string | null {
  if (persistence === null) return null;
  const { aof, saved_at: savedAt } = persistence;
  return `append-only file ${aof ? 'on' : 'off'}, last saved ${savedAt ?? 'never'}`;
}

/** A finding in two lines: what is wrong, and what to do. */
function findingText(
  { code, severity, detail, fix, since }: BrokerState['findings'][number],
  paint: Paint,
): string {
  const style = severity === 'error' ? 'red' : 'yellow';
  return `${paint(style, `${severity} ${code}`)} since ${since}: ${oneLine(detail)}\n  ${oneLine(fix)}`;
}

/** With `--json` the answer is printed as it was received. */
async function showBroker(options: BrokerCommandOptions, io: Io): Promise<void> {
  const service = openService(options, io.env);
  const state = await service.api.getBroker();
  if (options.json) return io.out(service.lastAnswer());
  const paint = painter(io.colours.out);
  const facts = pairs([
    ['kind', state.kind],
    ['version', state.version],
    ['role', state.role],
    ['memory', memoryText(state)],
    ['persistence', persistenceText(state)],
  ]);
  const findings = state.findings.map((finding) => findingText(finding, paint));
  io.out([facts, ...(findings.length > 0 ? findings : ['Nothing is known to be wrong with it.'])].join('\n'));
}

const EXAMPLE = `
A finding of severity error voids what the broker promises: until it ends, nothing can be submitted.

Examples:
  task-center broker
  task-center broker --json`;

/** Adds `broker`. */
export function addBroker(program: Command, io: Io): void {
  const command = program
    .command('broker')
    .description('show what the broker is, and whether it can keep its promises')
    .option('--json', 'print it as JSON')
    .addHelpText('after', EXAMPLE);
  addServiceOptions(command).action((options: BrokerCommandOptions) => showBroker(options, io));
}
