import type { BodyOf, OperationId, ParamsOf, QueryOf } from '@task-center/api';
import type { Principal } from '../auth/principal.ts';
import type { AppDeps } from './deps.ts';

/** One call of an operation, read, checked and allowed. */
export interface Call<O extends OperationId> {
  readonly params: ParamsOf<O>;
  readonly query: QueryOf<O>;
  readonly body: BodyOf<O>;
  /** Who calls. Operations that are open to anyone must not look at it. */
  readonly principal: Principal;
  readonly requestId: string;
  readonly headers: Headers;
  readonly deps: AppDeps;
}

/** What goes back. */
export interface Reply {
  /** Default 200. */
  readonly status?: number;
  /** Sent as JSON, `RawJson` in it as it stands; a `Page` as it is; left out = nothing. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Handler<O extends OperationId> = (call: Call<O>) => Promise<Reply>;
/** An operation's handler for each operation: a table that does not compile while one is missing. */
export type Handlers = { readonly [O in OperationId]: Handler<O> };

/** Text that is sent as it is, with the route's media type. */
export class PlainText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}
