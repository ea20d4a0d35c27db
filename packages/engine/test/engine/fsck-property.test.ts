import { testRepairs } from './fsck-property.ts';

// fsck-property.long.ts makes more runs.
testRepairs(3_000);
