import { systemClock } from './clock.ts';
import { createJsonLog } from './json-log.ts';
import { limitedLog } from './limited-log.ts';
import type { Log } from './log.ts';
import { createSink } from './sink.ts';

function createStderrLog(): Log {
  const output = createSink(2, () => process.stderr);
  const log = limitedLog(createJsonLog({ level: 'info', output }), systemClock);
  // Before the sink writes what is left.
  process.prependListener('exit', log.flush);
  return log;
}

let opened: Log | undefined;

/**
 * The log of a program that has not said where its lines go: JSON lines on standard error, at most 100 a second, those of level `debug`
 * left out (ADR 29). A process has one, and opens it with its first line.
 */
export const stderrLog: Log = {
  debug() {},
  info: (fields, message) => (opened ??= createStderrLog()).info(fields, message),
  warn: (fields, message) => (opened ??= createStderrLog()).warn(fields, message),
  error: (fields, message) => (opened ??= createStderrLog()).error(fields, message),
};
