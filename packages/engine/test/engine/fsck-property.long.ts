import { testRepairs } from './fsck-property.ts';

testRepairs(10_000);
