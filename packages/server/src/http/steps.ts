/**
 * The steps of a call, from the request to the handler and back. `STEPS` is their order, which matters: nothing is read
 * from a caller without a valid key, and nothing is validated before the caller may call the operation.
 *
 * To add a step, write it here and give it its line in `STEPS`, with the routes that it is for.
 */
import type { IncomingMessage } from 'node:http';
import { limits, type OperationId, type Route } from '@task-center/api';
import { requireRole, type Principal } from '../auth/principal.ts';
import { ProblemError, shuttingDown } from '../problem.ts';
import type { Admission } from './admission.ts';
import type { FindFurtherItems, Reply } from './call.ts';
import type { AppDeps } from './deps.ts';
import { declaredFraming, hasBody } from './headers.ts';
import { LARGE_BYTES, type Budgets, type Room } from './memory/budget.ts';
import { readBody } from './read-body.ts';
import { isOpenTo } from './service/metrics.ts';
import { validate, type Checked } from './validate.ts';

/** An operation as the steps see it: its row of the route table, and what its handler says about it. */
export interface Operation {
  readonly operationId: OperationId;
  readonly route: Route;
  readonly findFurtherItems?: FindFurtherItems | undefined;
  /** How much memory its answer may take, bytes. */
  answerBytes(checked: Checked | undefined): number;
}

/** A call on its way to the handler. Steps fill in what they find out. */
export interface PendingCall {
  readonly operation: Operation;
  readonly request: Request;
  readonly requestId: string;
  readonly headers: Headers;
  readonly deps: AppDeps & { readonly admission: Admission; readonly budgets: Budgets };
  /** Node's request; it is missing where the application is called in process. */
  readonly incoming: IncomingMessage | undefined;
  /** The path's parameters as they arrived. */
  readonly params: Readonly<Record<string, string>>;
  /** The body as it arrived, parsed. Set by `takeBody`; undefined = none was sent. */
  body: unknown;
  /** Set by `authenticate`. */
  principal: Principal;
  /** Parameters, query and body as the schemas returned them. Set by `checkInput`. */
  checked: Checked | undefined;
  /** The memory that is reserved for the answer until the caller has taken it. Set by `reserveAnswer`. */
  answerRoom: Room | undefined;
}

/** The rest of a call: the steps that follow, and the handler at the end. */
export type Next = (call: PendingCall) => Promise<Reply>;

/** Refuses a call by throwing, or passes it on and returns the reply, around which it may do something. */
type Step = (call: PendingCall, next: Next) => Promise<Reply>;

/** Refuses early what `countInProgress` would refuse: under load, a refusal must cost little. */
const refuseOverload: Step = (call, next) => {
  call.deps.admission.check();
  return next(call);
};

const refuseWhileStopping: Step = (call, next) => {
  if (call.deps.state.phase === 'stopping') throw shuttingDown();
  return next(call);
};

/** Finds the caller by its API key. It must have the role that the route needs, also where a call could do without a key. */
const authenticate: Step = async (call, next) => {
  const key = call.headers.get('authorization');
  if (key === null && call.operation.route.mayBeOpen && isOpenTo(call.deps, call.headers)) return next(call);
  call.principal = await call.deps.authenticate(key);
  requireRole(call.principal, call.operation.route.role);
  return next(call);
};

const takeBody: Step = async (call, next) => {
  const { bodyBytes = limits.bodyBytes, bodyOptional = false } = call.operation.route;
  const room = call.deps.budgets.bodies.open(call.principal.keyId);
  try {
    call.body = await readBody(call, { limit: bodyBytes, optional: bodyOptional, room });
    return await next(call);
  } finally {
    room.release();
  }
};

const refuseBody: Step = (call, next) => {
  if (hasBody(declaredFraming(call.headers)))
    throw new ProblemError('malformed', 'This operation takes no body.');
  return next(call);
};

const checkInput: Step = (call, next) => {
  const { operation, request, headers, params, body, deps } = call;
  const query = new URL(request.url).searchParams;
  const further = (refused: unknown) => operation.findFurtherItems?.(refused, deps) ?? [];
  call.checked = validate(operation.route, { params, query, headers, body }, further);
  return next(call);
};

/**
 * Reserves memory for the answer before the operation begins: a caller whose task was stored must not get a refusal. It is an
 * estimate, because the size of the answer is known only at the end.
 */
const reserveAnswer: Step = (call, next) => {
  const { operation, checked, principal } = call;
  const { answers, making } = call.deps.budgets;
  const bytes = operation.answerBytes(checked);
  call.answerRoom = answers.open(principal.keyId);
  call.answerRoom.grow(bytes);
  const isLargeView = operation.route.method === 'GET' && bytes >= LARGE_BYTES;
  return isLargeView ? making.run(bytes, () => next(call)) : next(call);
};

/** Whether a call stores nothing, whatever its operation does otherwise. */
const isDryRun = (checked: Checked | undefined): boolean =>
  (checked?.query as { readonly dry_run?: boolean } | undefined)?.dry_run === true;

/** Writes an audit entry once the handler has replied. There is no audit log yet: entries are lines of the log. */
const writeAudit: Step = async (call, next) => {
  const reply = await next(call);
  const { operation, deps, principal, requestId, params } = call;
  if (isDryRun(call.checked)) return reply;
  const target = Object.values(params).join(' ');
  const fields = { key_id: principal.keyId, action: operation.operationId, target, request_id: requestId };
  deps.runtime.log.info(fields, 'audit');
  return reply;
};

/** A request counts only while its handler runs: a slow sender takes up no capacity. */
const countInProgress: Step = (call, next) => call.deps.admission.run(() => next(call));

const everyRoute = () => true;
/** Health checks and other open operations are always answered. */
const needsKey = ({ role }: Route) => role !== '-';
const takesBody = ({ body }: Route) => body !== undefined;
/** The answers of health checks are tiny. */
const hasLargeAnswer = (route: Route) => needsKey(route) || route.path === '/openapi.json';

/** The steps in their order, each with the routes that it is for. */
const STEPS: readonly { readonly step: Step; readonly isFor: (route: Route) => boolean }[] = [
  { step: refuseOverload, isFor: needsKey },
  { step: refuseWhileStopping, isFor: needsKey },
  { step: authenticate, isFor: needsKey },
  { step: takeBody, isFor: takesBody },
  { step: refuseBody, isFor: (route) => !takesBody(route) },
  { step: checkInput, isFor: everyRoute },
  { step: reserveAnswer, isFor: hasLargeAnswer },
  { step: writeAudit, isFor: (route) => route.audit },
  { step: countInProgress, isFor: needsKey },
];

/** Puts the steps that are for a route around its handler. */
export function withSteps(route: Route, handle: Next): Next {
  const steps = STEPS.filter(({ isFor }) => isFor(route));
  return steps.reduceRight<Next>(
    (next, { step }) =>
      (call) =>
        step(call, next),
    handle,
  );
}
