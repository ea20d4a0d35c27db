import type { Check } from '../../../../broker/check.ts';
import { CHECKS, type CheckPageCall } from '../../thread/facets/check.ts';
import { plain } from '../../packing.ts';
import type { Writer } from '../writer.ts';

/** A look at a large file takes its time. */
const PATIENT = { signal: new AbortController().signal };

export function createCheck(writer: Writer): Check {
  return {
    async *candidates(queue) {
      for (const what of queue === null ? CHECKS.ofFile : CHECKS.ofQueue) {
        let after: CheckPageCall['after'] | undefined = null;
        do {
          const call: CheckPageCall = { queue, what, after };
          const { data: names } = await writer.run('checkPage', plain(call), PATIENT);
          yield names.map((name) => ({ what, name: String(name), at: '' }));
          after = names.at(-1);
        } while (after !== undefined);
      }
    },
    async examine(queue, suspects, mend) {
      return (await writer.run('checkLook', plain({ queue, suspects, mend }), PATIENT)).data;
    },
  };
}
