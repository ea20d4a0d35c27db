// The process of the service, which only `supervise` starts. An entry file of its own tells it that it has a parent; a
// variable would be inherited by the programs that it starts.
import { runInThisProcess } from '../process-io.ts';

/** Before the service has started there is nothing to stop in order, and the process simply exits. */
let onGone: () => void = () => process.exit(1);

if (!process.connected) onGone();
process.on('disconnect', () => onGone());
// The channel to the parent must not keep this process alive.
process.channel?.unref();

await runInThisProcess({
  ready: () => void process.send?.('ready', () => {}),
  onGone: (listener) => (onGone = listener),
});
