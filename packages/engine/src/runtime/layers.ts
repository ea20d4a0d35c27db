/** Runs what lies inside a layer of middleware; the layer may hand on another value. */
export type Next<Value, Result> = (value?: Value) => Promise<Result>;

/** What came of the rest, for a layer that returned undefined. It may have caught an error, or not have waited. */
interface Rest<Result> {
  readonly outcome: Promise<Result>;
  hasEnded: boolean;
  result: Result | undefined;
}

function begin<Result>(outcome: Promise<Result>): Rest<Result> {
  const rest: Rest<Result> = { outcome, hasEnded: false, result: undefined };
  outcome.then(
    (result) => Object.assign(rest, { hasEnded: true, result }),
    () => (rest.hasEnded = true),
  );
  return rest;
}

/**
 * Runs one layer around the rest. Undefined stands for the result of `next()`: a layer that only looks on need not return anything. One
 * that did not wait for the rest ends with it.
 */
export async function runLayer<Value, Result>(
  layer: (next: Next<Value, Result>) => unknown,
  run: Next<Value, Result>,
  calledTwice: () => Error,
): Promise<unknown> {
  let rest: Rest<Result> | undefined;
  const returned = await layer((value) => {
    if (rest) return Promise.reject(calledTwice());
    rest = begin(run(value));
    return rest.outcome;
  });
  if (returned !== undefined || !rest) return returned;
  return rest.hasEnded ? rest.result : rest.outcome;
}
