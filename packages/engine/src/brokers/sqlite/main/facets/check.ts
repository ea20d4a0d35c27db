// The check facet on the main thread: pages of candidates from the writer thread, and their examination there.
import type { Check } from '../../../../broker/check.ts';
import { CHECKS, type CheckPageCall } from '../../thread/facets/check.ts';
import { plain } from '../../packing.ts';
import type { Writer } from '../writer.ts';

/** Checks of a large file take longer than other calls may. A signal that never aborts waits for the answer. */
const PATIENT = { signal: new AbortController().signal };

export function createCheck(writer: Writer): Check {
  return {
    async *candidates(queue) {
      for (const what of queue === null ? CHECKS.perFile : CHECKS.perQueue) {
        let after: CheckPageCall['after'] | undefined = null;
        do {
          const call: CheckPageCall = { queue, what, after };
          const { data: names } = await writer.run('checkPage', plain(call), PATIENT);
          yield names.map((name) => ({ what, name: String(name), at: '' }));
          after = names.at(-1);
        } while (after !== undefined);
      }
    },
    async examine(queue, candidates, repair) {
      return (await writer.run('checkExamine', plain({ queue, candidates, repair }), PATIENT)).data;
    },
  };
}
