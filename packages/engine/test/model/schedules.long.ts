// The same as schedules.test.ts, many more of them.
import { testScheduleCalls } from './schedule-calls.ts';

testScheduleCalls(12);
