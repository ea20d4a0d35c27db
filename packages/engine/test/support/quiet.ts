// Run before each test file: brokers that were given no log are quiet. Tests that look at the default log start a program.
import { silentLog } from '../../src/runtime/log.ts';
import { stderrLog } from '../../src/runtime/stderr-log.ts';

Object.assign(stderrLog, silentLog);
