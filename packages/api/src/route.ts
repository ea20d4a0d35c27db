import type * as z from 'zod';
import type { ProblemCode } from './problem.ts';
import type { Role } from './system.ts';

export type Method = 'GET' | 'POST' | 'DELETE';

/** What a call may be made by: `-` anyone, else a key of at least this role. */
export type RouteRole = '-' | Role;

/** One operation of the contract. */
export interface Route {
  readonly method: Method;
  /** Template: `/v1/tasks/{id}`. */
  readonly path: string;
  readonly role: RouteRole;
  readonly tag: 'tasks' | 'queues' | 'access' | 'service';
  readonly summary: string;
  /** Path parameters; each is a string. */
  readonly params?: z.ZodType;
  /** Query parameters; one not named here is refused. */
  readonly query: z.ZodType;
  /** The JSON body; left out = there is none. */
  readonly body?: z.ZodType;
  /**
   * What is checked before the operation is called, where that is less than `body`: the operation checks the
   * rest itself (a batch checks each task on its own).
   */
  readonly checked?: z.ZodType;
  /** Whether the body may be left out. */
  readonly bodyOptional?: boolean;
  /** Most bytes of the body. Default 1 MiB. */
  readonly bodyBytes?: number;
  /** Schemas of the answers by status; null = no body. */
  readonly answers: Readonly<Record<number, z.ZodType | null>>;
  /** Media type of the answers. Default `application/json`. */
  readonly produces?: string;
  /** Problems of its own, besides those that any call may have. */
  readonly problems: readonly ProblemCode[];
  /** Whether the call goes into the audit log. */
  readonly audit: boolean;
}

/** Keeps the exact types of a route while checking its form. */
export const route = <const R extends Route>(definition: R): R => definition;
