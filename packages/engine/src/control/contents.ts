import { inspect } from 'node:util';
import { createFieldsCheck, required } from '../checks/options.ts';
import { anyBytes, orNull } from '../checks/values.ts';
import { jsonOf, plainBytes } from '../task/payload.ts';

/** What of a stored record is bytes, as people see it: as JSON, and as bytes. */
export interface ShownPayload {
  /** The payload, read from JSON each time it is asked for; undefined = there is none, or it is not JSON. */
  readonly payload: unknown;
  /** Its bytes, as they are stored; null = there is none. */
  readonly payloadBytes: Uint8Array | null;
}

/** A result as people see it. */
export interface ShownResult {
  /** The result, read from JSON each time it is asked for; undefined = there is none, or it is not JSON. */
  readonly result: unknown;
  /** Its bytes, as they are stored; null = there is none. */
  readonly resultBytes: Uint8Array | null;
}

/** A record as a broker returns it. */
interface StoredPayload {
  readonly payload: Uint8Array | null;
}
interface StoredContents extends StoredPayload {
  readonly result: Uint8Array | null;
}

const bytesOrNone = required(orNull(anyBytes));
const checkPayload = createFieldsCheck<StoredPayload>('record', { payload: bytesOrNone });
const checkContents = createFieldsCheck<StoredContents>('record', {
  payload: bytesOrNone,
  result: bytesOrNone,
});

/** Makes `console.log` print what the getters of an object return. */
function printed<T extends object>(info: T): T {
  return Object.defineProperty(info, inspect.custom, { value: () => ({ ...info }) });
}

/** A record with its payload as JSON and as bytes. @throws TaskCenterError `invalid-value` */
export function showPayload<T extends StoredPayload>(record: T): Omit<T, 'payload'> & ShownPayload {
  const payloadBytes = plainBytes(checkPayload(record).payload);
  return printed({
    ...record,
    payloadBytes,
    get payload() {
      return jsonOf(payloadBytes);
    },
  });
}

/** A record with its payload and its result as JSON and as bytes. @throws TaskCenterError `invalid-value` */
export function showContents<T extends StoredContents>(
  record: T,
): Omit<T, 'payload' | 'result'> & ShownPayload & ShownResult {
  const { payload, result } = checkContents(record);
  const payloadBytes = plainBytes(payload);
  const resultBytes = plainBytes(result);
  return printed({
    ...record,
    payloadBytes,
    resultBytes,
    get payload() {
      return jsonOf(payloadBytes);
    },
    get result() {
      return jsonOf(resultBytes);
    },
  });
}
