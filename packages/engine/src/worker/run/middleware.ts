import type { LeasedTask } from '../../broker/consume.ts';
import { TaskCenterError } from '../../errors/task-center-error.ts';
import { runLayer } from '../../runtime/layers.ts';
import { handledTask, type Middleware, type PreparedHandler } from './handlers.ts';

type Run = () => Promise<unknown>;

const calledTwice = () =>
  new TaskCenterError('worker-misused', {
    cause: 'a middleware called next() twice for one attempt',
    fix: 'Call next() once: a handler runs once in each attempt.',
  });

/** The handler with middleware around it, the first one outermost. */
export function withMiddleware(handler: PreparedHandler, middleware: readonly Middleware[]): PreparedHandler {
  return (leased: LeasedTask, context) => {
    const task = handledTask(leased);
    const innermost: Run = async () => handler(leased, context);
    const run = middleware.reduceRight<Run>(
      (rest, layer) => () => runLayer((next) => layer(task, context, () => next()), rest, calledTwice),
      innermost,
    );
    return run();
  };
}
