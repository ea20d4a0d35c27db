import { testForeignData } from './foreign-property.ts';

// foreign-property.long.ts makes more runs.
testForeignData(4_000);
