import { testLiveFsck } from './fsck-live.ts';

testLiveFsck(5_000);
