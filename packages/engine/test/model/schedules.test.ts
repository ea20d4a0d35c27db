import { testScheduleCalls } from './schedule-calls.ts';

// Each takes a second; schedules.long.ts makes more of them.
testScheduleCalls(2);
