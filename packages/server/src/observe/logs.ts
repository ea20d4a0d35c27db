/** The log of the service: JSON lines on stdout, with known fields only. */
import {
  createJsonLog,
  writtenFields as written,
  type LeveledLog,
  type Log,
  type LogOutput,
} from '@task-center/engine';
import type { Config } from '../config/config.ts';
import { VERSION } from '../version.ts';

type LogFields = Parameters<Log['info']>[0];

/**
 * The only fields that are written; all others are dropped, because they might hold a secret or a payload. To log a new
 * field, add its name here; never one that may hold a payload, a header's value or a secret.
 */
const ALLOWED = new Set(
  'event instance role request_id task_id queue type attempt business_id user_id trace_id span_id worker_id'
    .concat(' route method status duration_ms err reason loop recovered archived moved removed ids key_id')
    .concat(' fix cause reasons detail suppressed changed restart index key task_ids types channel')
    .concat(' stall_ms late_ms stuck_ms skew_ms leases attempts tasks finishes calls')
    .concat(' max_connections closed open_files for_callbacks')
    .concat(' schedule schedules calendar year from to set_back_ms claim')
    .concat(' broker url roles pid path port mode warning count signal worker outcome code action target')
    .split(' '),
);

const isWritten = (name: string): boolean => ALLOWED.has(name);

/** What is written of the fields of a line. Tests look at this: a field that is dropped tells nobody anything. */
export const writtenFields = (fields: LogFields): LogFields => written(fields, isWritten);

/** Creates the log: `time level msg service version role` and the allowed fields. */
export function createLog({ log, roles }: Pick<Config, 'log' | 'roles'>, output: LogOutput): LeveledLog {
  const base = { service: 'task-center', version: VERSION, role: roles.join(',') };
  return createJsonLog({ level: log.level, output, base, isWritten });
}
