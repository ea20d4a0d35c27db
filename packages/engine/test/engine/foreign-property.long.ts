import { testForeignData } from './foreign-property.ts';

testForeignData(15_000);
