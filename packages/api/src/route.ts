import type * as z from 'zod';
import type { ProblemCode } from './problem.ts';
import type { Role } from './service/schemas.ts';

export type Method = 'GET' | 'POST' | 'DELETE';

/** The least role that a call needs; `-` = it needs no key. */
export type RouteRole = '-' | Role;

/** One operation of the contract: a row of the route table. */
export interface Route {
  readonly method: Method;
  /** Template: `/v1/tasks/{id}`. */
  readonly path: string;
  readonly role: RouteRole;
  /** The group that OpenAPI shows it in. */
  readonly tag: 'tasks' | 'queues' | 'access' | 'service';
  readonly summary: string;
  /** Path parameters; each is a string. */
  readonly params?: z.ZodType;
  /** Query parameters. A parameter that is not named here is refused. */
  readonly query: z.ZodType;
  /** The JSON body. Left out = the operation has none. */
  readonly body?: z.ZodType;
  /**
   * The schema that the body is checked with before the handler is called, if that is less than `body`. The handler
   * checks everything else itself: a batch checks each task on its own.
   */
  readonly checked?: z.ZodType;
  /** Whether a call may leave the body out. */
  readonly bodyOptional?: boolean;
  /** Largest body in bytes. Default 1 MiB. */
  readonly bodyBytes?: number;
  /** Schemas of the good answers by status; null = no body. */
  readonly answers: Readonly<Record<number, z.ZodType | null>>;
  /** Media type of the answers. Default `application/json`. */
  readonly produces?: string;
  /** The operation's own problems, besides those that any call may have. */
  readonly problems: readonly ProblemCode[];
  /** Whether calls are written to the audit log. */
  readonly audit: boolean;
}

/** Checks the form of a route and keeps its exact types, which the client needs. */
export const route = <const R extends Route>(definition: R): R => definition;
