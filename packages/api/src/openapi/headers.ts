// The headers of requests and answers, by name, as the document shows them.

import { CONDITION_PATTERN } from '../values.ts';
import type { Json } from './schemas.ts';

/** Headers that every answer has. */
export const COMMON_HEADERS = [
  'x-request-id',
  'task-center-version',
  'cache-control',
  'x-content-type-options',
] as const;

/** A header whose value is any text. */
const textHeader = (description: string, example: string): Json => ({
  description,
  required: true,
  schema: { type: 'string' },
  example,
});

/** Each header of an answer. All are required: an answer that names one always has it. */
export const ANSWER_HEADERS = {
  'x-request-id': textHeader(
    'The ID of the request, which the log has: the one that was sent, or a new one',
    '8f1c2d',
  ),
  'task-center-version': textHeader('The version of the program', '0.1.0'),
  'cache-control': textHeader('No answer may be kept', 'no-store'),
  'x-content-type-options': textHeader('Browsers must not guess another media type', 'nosniff'),
  // Of each 201.
  location: textHeader('The URL of what was made', '/v1/tasks/invoice-4711?queue=orders'),
  // Of what has a version.
  etag: textHeader('The version, for `If-Match` and `If-None-Match`', '"v7"'),
  // Of each 503.
  'retry-after': {
    description: 'Seconds after which the call may succeed',
    required: true,
    schema: { type: 'integer', minimum: 0 },
    example: 2,
  },
  // Of each 401.
  'www-authenticate': textHeader('How to sign in', 'Bearer realm="task-center"'),
  // Of a file.
  'content-disposition': textHeader(
    'The name for the file',
    'attachment; filename="tasks-2026-11-30T06-45-15Z.db"',
  ),
  'content-length': {
    description: 'Bytes of the file',
    required: true,
    schema: { type: 'integer', minimum: 0 },
    example: 65_536,
  },
  // Of the page.
  'content-security-policy': textHeader('The page runs no script', "default-src 'none'"),
} as const satisfies Record<string, Json>;

/** A header that a row of the route table may name for its good answers. */
export type AnswerHeader = keyof typeof ANSWER_HEADERS;

/** What a header that may have any text is. */
const anyText = { type: 'string' };
const condition = { type: 'string', pattern: CONDITION_PATTERN };

/**
 * Each header of a request. Conditions are refused if they cannot be read; any other value that cannot be used is replaced or
 * ignored.
 */
export const REQUEST_HEADERS = {
  'x-request-id': {
    description: 'An ID for the request, `[A-Za-z0-9_.:-]{1,64}`; any other is replaced',
    schema: anyText,
    example: '8f1c2d',
  },
  traceparent: {
    description:
      'W3C trace context of the tasks that have none of their own; one that is not valid is ignored',
    schema: anyText,
    example: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  },
  tracestate: {
    description: 'W3C trace state, with traceparent',
    schema: anyText,
    example: 'vendor=00f067aa0ba902b7',
  },
  'if-match': {
    description:
      'Changes this version only: an ETag, a list of them, or `*` for any. Else the answer is version-mismatch',
    schema: condition,
    example: '"v7"',
  },
  'if-none-match': {
    description:
      '`*` makes what does not exist yet, and changes nothing else. In a GET: an ETag that is still the right one gets 304',
    schema: condition,
    example: '*',
  },
} as const satisfies Record<string, Json>;

/** A header that a row of the route table may name for its requests. */
export type RequestHeader = keyof typeof REQUEST_HEADERS;

/** `x-request-id` as the name of a component: `XRequestId`. */
export const componentName = (header: string) =>
  header
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
