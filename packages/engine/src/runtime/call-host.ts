// Listeners, hooks and reports are code of the host. A fault in one of them must not end a task, a loop or the process.

/** Also a thenable of another library. Most functions return nothing, and need no promise. */
const mayReject = (returned: unknown): boolean => typeof returned === 'object' && returned !== null;

/**
 * Calls a function of the host that must not harm its caller. An error that it throws, or with which a promise that it
 * returns rejects, goes to `onError`, which must not throw. Does not wait for the promise.
 */
export function callHost(call: () => unknown, onError: (error: unknown) => void): void {
  try {
    const returned = call();
    if (mayReject(returned)) Promise.resolve(returned).then(undefined, onError);
  } catch (error) {
    onError(error);
  }
}
