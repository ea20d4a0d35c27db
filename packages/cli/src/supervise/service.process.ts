// The service's own process, which only `supervise` starts: what it says of its parent cannot be inherited, as a variable would be.
import { runHere } from '../here.ts';

/** Until the service runs there is nothing to end in order. */
let onGone: () => void = () => process.exit(1);

if (!process.connected) onGone();
process.on('disconnect', () => onGone());
// The parent is no reason to stay alive.
process.channel?.unref();

await runHere({
  ready: () => void process.send?.('ready', () => {}),
  onGone: (listener) => (onGone = listener),
});
