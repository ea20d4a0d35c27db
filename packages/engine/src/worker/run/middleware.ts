import type { LeasedTask } from '../../broker/consume.ts';
import { TaskCenterError } from '../../errors/task-center-error.ts';
import { handledTask, type Middleware, type PreparedHandler } from './handlers.ts';

type Run = () => Promise<unknown>;

/** What came of the rest, for a middleware that returned undefined. It may have caught an error, or not have waited. */
interface Rest {
  readonly outcome: Promise<unknown>;
  hasEnded: boolean;
  result: unknown;
}

function begin(run: Run): Rest {
  const rest: Rest = { outcome: run(), hasEnded: false, result: undefined };
  rest.outcome.then(
    (result) => Object.assign(rest, { hasEnded: true, result }),
    () => (rest.hasEnded = true),
  );
  return rest;
}

const calledTwice = () =>
  new TaskCenterError('worker-misused', {
    cause: 'a middleware called next() twice for one attempt',
    fix: 'Call next() once: a handler runs once in each attempt.',
  });

/** Runs one middleware around the rest. */
async function runLayer(call: (next: Run) => unknown, run: Run): Promise<unknown> {
  let rest: Rest | undefined;
  const returned = await call(() => {
    if (rest) return Promise.reject(calledTwice());
    rest = begin(run);
    return rest.outcome;
  });
  if (returned !== undefined || !rest) return returned;
  // One that did not wait must not end the attempt before its handler.
  return rest.hasEnded ? rest.result : rest.outcome;
}

/** The handler with middleware around it, the first one outermost. */
export function withMiddleware(handler: PreparedHandler, middleware: readonly Middleware[]): PreparedHandler {
  return (leased: LeasedTask, context) => {
    const task = handledTask(leased);
    const innermost: Run = async () => handler(leased, context);
    const run = middleware.reduceRight<Run>(
      (rest, layer) => () => runLayer((next) => layer(task, context, next), rest),
      innermost,
    );
    return run();
  };
}
