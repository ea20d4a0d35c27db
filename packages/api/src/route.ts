// A row of the route table, and the verbs that make one: what a row does not say has its default.

import type * as z from 'zod';
import type { Role } from './access/schemas.ts';
import type { AnswerHeader, RequestHeader } from './openapi/headers.ts';
import type { ProblemCode } from './problem.ts';
import { strict } from './strict.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** The least role that a call needs; `-` = it needs no key. */
export type RouteRole = '-' | Role;

/** A group of operations, as OpenAPI shows them. */
export type Tag =
  'tasks' | 'batches' | 'queues' | 'schedules' | 'calendars' | 'access' | 'metrics' | 'broker' | 'service';

/** One operation of the contract: a row of the route table. */
export interface Route {
  readonly method: Method;
  /** Template: `/v1/tasks/{id}`. */
  readonly path: string;
  readonly role: RouteRole;
  /** Whether the service may be configured to answer without a key all the same. Left out = no. */
  readonly mayBeOpen?: true;
  /** The group that OpenAPI shows it in. Default: the resource. */
  readonly tag: Tag;
  readonly summary: string;
  /** What callers must know besides. Left out = nothing. */
  readonly description?: string;
  /** Path parameters; each is a string. */
  readonly params?: z.ZodType;
  /** Query parameters. A parameter that is not named here is refused. Default: none. */
  readonly query: z.ZodType;
  /** The JSON body; of a PATCH a merge patch (`patchOf`). Left out = the operation has none. */
  readonly body?: z.ZodType;
  /**
   * Whether the resource at this path has a version: the field `version` of its answers, which is also their `etag`. Callers may
   * make a call depend on it by the headers that `conditionsOf` names. Left out = no.
   */
  readonly versioned?: true;
  /**
   * The schema that the body is checked with before the handler is called, if that is less than `body`. The handler
   * checks everything else itself: a batch checks each task on its own.
   */
  readonly checked?: z.ZodType;
  /** Whether a call may leave the body out. Default: no. */
  readonly bodyOptional?: boolean;
  /** Largest body in bytes. Default 1 MiB. */
  readonly bodyBytes?: number;
  /** Headers of a request that the operation reads, besides those that all read. Default: none. */
  readonly requestHeaders?: readonly RequestHeader[];
  /** Schemas of the good answers by status; null = no body. */
  readonly answers: Readonly<Record<number, z.ZodType | null>>;
  /** Headers of the good answers, besides those that all answers have. Default: none. */
  readonly answerHeaders?: readonly AnswerHeader[];
  /** Media type of the answers. Default `application/json`. */
  readonly produces?: string;
  /** The operation's own problems, besides those that any call may have. Default: none. */
  readonly problems: readonly ProblemCode[];
  /** Whether calls are written to the audit log. Default: all but GET. */
  readonly audit: boolean;
  /** Whether the listener of `health.port` serves it, too: what those ask who watch the process. Left out = no. */
  readonly probe?: true;
}

const noQuery = strict({});

/** What a row leaves out. */
export interface Defaults<T extends Tag> {
  readonly tag: T;
  readonly query: typeof noQuery;
  readonly problems: readonly [];
  readonly audit: boolean;
}

/** What a row says: all that has no default, and what differs from its default. */
type Details = Omit<Route, 'method' | 'path' | keyof Defaults<Tag>> &
  Partial<Pick<Route, keyof Defaults<Tag>>>;

/** Refuses misspelt fields, which a generic parameter would let pass. */
type NoOther<D> = { readonly [F in Exclude<keyof D, keyof Details>]: never };

/** The exact types of a row, which the client needs. */
type Row<M extends Method, P extends string, D> = { readonly method: M; readonly path: P } & Readonly<D>;

/** The verbs of a resource. Each makes a row of the route table from its path and its details. */
export function resource<const T extends Tag>(tag: T) {
  const verb =
    <const M extends Method>(method: M) =>
    <const P extends string, const D extends Details>(path: P, details: D & NoOther<D>) => {
      const defaults: Defaults<T> = { tag, query: noQuery, problems: [], audit: method !== 'GET' };
      return { ...defaults, ...details, method, path } as Row<M, P, Omit<Defaults<T>, keyof D> & D>;
    };
  return {
    get: verb('GET'),
    post: verb('POST'),
    put: verb('PUT'),
    patch: verb('PATCH'),
    del: verb('DELETE'),
  };
}
