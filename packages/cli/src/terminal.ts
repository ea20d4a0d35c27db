// Whether the terminal from which a service was started has gone away.

import { closeSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';

function hasControllingTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}

/**
 * Remembers which standard streams are a terminal now. The returned function says whether this terminal has gone away since.
 * `nohup` replaces all three streams: a service that it starts has no terminal that could go away.
 */
export function watchTerminal(): () => boolean {
  const streams = [0, 1, 2].filter((fd) => isatty(fd));
  const isControlled = streams.length > 0 && hasControllingTerminal();
  // When the shell alone has ended, the streams are still a terminal, but it belongs to nobody.
  return () => streams.some((fd) => !isatty(fd)) || (isControlled && !hasControllingTerminal());
}
