import { testCalls } from './calls.ts';

// model.long.ts makes more of them.
testCalls(25);
