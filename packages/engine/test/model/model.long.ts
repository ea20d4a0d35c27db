import { testCalls } from './calls.ts';

testCalls(300);
