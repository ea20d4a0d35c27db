import { FIELD } from './message.ts';
import { WireWriter } from './wire.ts';

/**
 * Fields to append to an encoded message: of a field that stands twice every reader takes the last (protocol 2.1),
 * so a script can change a message that it cannot decode. Values are written even when they are defaults.
 */
export interface FailureFields {
  /** Left out: stays as it is. */
  readonly retried?: number;
  /** Lone surrogates are replaced. */
  readonly errorMsg: string;
  /** Unix s. */
  readonly lastFailedAt: number;
}

const writer = new WireWriter();

export function failureFields({ retried, errorMsg, lastFailedAt }: FailureFields): Buffer {
  if (retried !== undefined) writer.int(FIELD.retried, retried);
  writer.text(FIELD.errorMsg, errorMsg.toWellFormed());
  writer.int(FIELD.lastFailedAt, lastFailedAt);
  return writer.take();
}

/** `at`: Unix s. */
export function completedFields(at: number): Buffer {
  writer.int(FIELD.completedAt, at);
  return writer.take();
}
