import { testLiveFsck } from './fsck-live.ts';

// fsck-live.long.ts goes on for longer.
testLiveFsck(1_500);
