// The check facet on the main thread: pages of candidates from the writer thread, and their examination there.
import type { Check } from '../../../../broker/check.ts';
import { CHECKS, type CheckPageRequest } from '../../thread/facets/check.ts';
import type { StoreCalls } from '../../thread/requests.ts';

/** Checks of a large file take longer than other calls may. A signal that never aborts waits for the answer. */
const PATIENT = { signal: new AbortController().signal };

/** The thread knows the rules. Here they are only asked for, one after the other. */
export function createCheck(writer: StoreCalls): Check {
  return {
    async *candidates(queue) {
      for (const what of queue === null ? CHECKS.perFile : CHECKS.perQueue) {
        // A page begins after the last name of the one before. An empty page is the last.
        let after: CheckPageRequest['after'] | undefined = null;
        do {
          const request: CheckPageRequest = { queue, what, after };
          const names = await writer.ask('checkPage', request, PATIENT);
          yield names.map((name) => ({ what, name: String(name), at: '' }));
          after = names.at(-1);
        } while (after !== undefined);
      }
    },
    examine: (queue, candidates, repair) =>
      writer.ask('checkExamine', { queue, candidates, repair }, PATIENT),
  };
}
