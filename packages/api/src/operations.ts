// Types of an operation's input and output, derived from its row in the route table.

import type * as z from 'zod';
import type { OperationId, Routes } from './contract.ts';
import type { Route } from './route.ts';
import type { ConditionOfChange } from './versions.ts';

type Schema<O extends OperationId, P extends 'params' | 'query' | 'body' | 'checked'> = Routes[O] extends {
  [K in P]: infer S extends z.ZodType;
}
  ? S
  : never;

type Part<O extends OperationId, P extends 'params' | 'query' | 'body'> = [Schema<O, P>] extends [never]
  ? undefined
  : z.output<Schema<O, P>>;

/** Path parameters of an operation, checked. */
export type ParamsOf<O extends OperationId> = Part<O, 'params'>;
/** Query of an operation, checked. */
export type QueryOf<O extends OperationId> = Part<O, 'query'>;
/**
 * Body of an operation as its handler gets it: checked by `checked` if the route has it, otherwise by `body`. A patch comes as it
 * was sent, because it is applied to what clients see.
 */
export type BodyOf<O extends OperationId> = Routes[O]['method'] extends 'PATCH'
  ? BodyInputOf<O>
  : [Schema<O, 'checked'>] extends [never]
    ? Part<O, 'body'>
    : z.output<Schema<O, 'checked'>>;
/** Body of an operation as a client writes it. */
export type BodyInputOf<O extends OperationId> = [Schema<O, 'body'>] extends [never]
  ? undefined
  : z.input<Schema<O, 'body'>>;
/** Query of an operation as a client writes it. */
export type QueryInputOf<O extends OperationId> = z.input<Schema<O, 'query'>>;

type Names<O extends OperationId> =
  | (Routes[O] extends { requestHeaders: readonly (infer H extends string)[] } ? H : never)
  | (Routes[O] extends { versioned: true }
      ? ConditionOfChange<Routes[O]['method'] & Route['method']>
      : never);
/** Headers of an operation as a client writes them, besides those that all operations read. Undefined = it has none. */
export type HeadersInputOf<O extends OperationId> = [Names<O>] extends [never]
  ? undefined
  : { readonly [H in Names<O>]?: string };

/** Undefined for an answer without a body. */
type OutputOf<S> = S extends z.ZodType ? z.output<S> : undefined;
/** The content of an operation's answer; a union if it has several good statuses. */
export type AnswerOf<O extends OperationId> = {
  [S in keyof Routes[O]['answers']]: OutputOf<Routes[O]['answers'][S]>;
}[keyof Routes[O]['answers']];
