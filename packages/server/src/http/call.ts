/** The types between the dispatcher and an operation's handler. A handler never sees a raw request. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { BodyOf, OperationId, ParamsOf, ProblemItem, QueryOf } from '@task-center/api';
import type { control } from '@task-center/engine';
import type { Principal } from '../auth/principal.ts';
import type { AppDeps } from './deps.ts';

/** Node's request and response; they are missing where the application is called in process. */
export interface Bindings {
  readonly incoming?: IncomingMessage;
  readonly outgoing?: ServerResponse;
}

/** What the framework's context carries of each request. */
export interface Env {
  Variables: { requestId: string };
  Bindings: Bindings;
}

/** A call of an operation: its input is validated, its caller authenticated and allowed to call it. */
export interface Call<O extends OperationId> {
  readonly params: ParamsOf<O>;
  readonly query: QueryOf<O>;
  readonly body: BodyOf<O>;
  /** Whether the call is for a resource with this version; null = there is none yet. True where it says nothing of versions. */
  readonly expects: control.VersionTest;
  /** The caller. Meaningless in operations without a role, which anyone may call. */
  readonly principal: Principal;
  readonly requestId: string;
  readonly headers: Headers;
  readonly deps: AppDeps;
  /** Aborts when the caller has gone away. Most operations end too soon to ask. */
  isGone(): AbortSignal;
}

/**
 * What a handler answers with. The dispatcher adds the `etag` of a resource with versions, and to the 201 of a PUT its
 * `location`.
 */
export interface Reply {
  /** Default 200. */
  readonly status?: number;
  /** Sent as JSON, with every `RawJson` in it byte for byte. `PlainText` and `Download` are sent as they are. Left out = no body. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Runs one operation. */
export type Handler<O extends OperationId> = (call: Call<O>) => Promise<Reply>;

/**
 * Looks for errors that no schema can express, in a body that the schema refused. The caller then learns of all errors at
 * once. In a valid body the handler itself looks for them.
 */
export type FindFurtherItems = (body: unknown, deps: AppDeps) => readonly ProblemItem[];

/** How many bytes the answer may have, as a bound of what is usual. They are reserved before the operation begins. */
export type AnswerBytes<O extends OperationId> = (call: Pick<Call<O>, 'params' | 'query' | 'body'>) => number;

/** A handler with what is special about its operation. */
export interface SpecialHandler<O extends OperationId> {
  readonly handle: Handler<O>;
  readonly findFurtherItems?: FindFurtherItems;
  /** Default: as many bytes as the last answer of the operation had. */
  readonly answerBytes?: AnswerBytes<O>;
}

/** A handler for each operation. A table of this type does not compile while one is missing. */
export type Handlers = { readonly [O in OperationId]: Handler<O> | SpecialHandler<O> };

/** A body that is sent as it is read, with the route's media type. */
export class Download {
  readonly content: Readable;

  constructor(content: Readable) {
    this.content = content;
  }
}

/** A body that is sent as it is, with the route's media type. */
export class PlainText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}
