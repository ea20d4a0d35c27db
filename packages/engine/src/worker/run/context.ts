import { messageOf } from '../../errors/task-center-error.ts';
import type { Log } from '../../runtime/log.ts';
import type { HandlerContext } from './handlers.ts';

/** Most bytes of the facts in an attempt's record, as JSON. */
const MAX_FACTS_BYTES = 16 * 1_024;

/** What a handler's context needs from its attempt. */
interface ContextSource {
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly deadlineMs: number;
  record(facts: Readonly<Record<string, unknown>>, note?: string): void;
  progress(percent: number, message?: string): void;
  setResult(value: unknown): Promise<void>;
}

/** A class with getters: there is one per attempt, and most handlers use none of it. */
export class AttemptContext implements HandlerContext {
  readonly deadlineMs: number;
  readonly #attempt: ContextSource;

  constructor(attempt: ContextSource) {
    this.deadlineMs = attempt.deadlineMs;
    this.#attempt = attempt;
  }

  get signal(): AbortSignal {
    return this.#attempt.signal;
  }

  get log(): Log {
    return this.#attempt.log;
  }

  // Handlers may destructure the context: these return functions that need no `this`.
  get record(): HandlerContext['record'] {
    return (facts, note) => this.#attempt.record(facts, note);
  }

  get progress(): HandlerContext['progress'] {
    return (percent, message) => this.#attempt.progress(percent, message);
  }

  get setResult(): HandlerContext['setResult'] {
    return (value) => this.#attempt.setResult(value);
  }
}

/** A copy, because the handler may change its object later. Facts that cannot be kept are replaced by a remark. */
export function copyFacts(facts: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  try {
    const text = JSON.stringify(facts);
    const bytes = Buffer.byteLength(text);
    if (bytes <= MAX_FACTS_BYTES) return JSON.parse(text) as Readonly<Record<string, unknown>>;
    return { left_out: `facts of ${bytes} bytes (limit ${MAX_FACTS_BYTES})` };
  } catch (error) {
    return { left_out: `facts that JSON cannot represent: ${messageOf(error).split('\n')[0]}` };
  }
}
