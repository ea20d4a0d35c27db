// A callback, as it is submitted and as answers show it. Both have the same fields.

import * as z from 'zod';
import { choice, strict } from '../strict.ts';
import { durationText } from '../values.ts';
import { limits } from '../limits.ts';

/** Methods of a callback's request. */
const methods = ['POST', 'PUT', 'PATCH', 'DELETE', 'GET'] as const;
/** What the request's body has: the payload, the payload in an envelope, or nothing. */
const bodies = ['payload', 'envelope', 'none'] as const;

/** Connect timeout of callbacks that set none. Tasks do not store it: a new value here also holds for stored tasks. */
export const DEFAULT_CONNECT_TIMEOUT = '3s';

/** The headers of a request: their number and their size in all are limited. */
const headers = z.record(z.string(), z.string()).superRefine((record, context) => {
  const entries = Object.entries(record);
  const bytes = entries.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (entries.length <= limits.callbackHeaders && bytes <= limits.callbackHeaderBytes) return;
  const message = `must be at most ${limits.callbackHeaders} headers with ${limits.callbackHeaderBytes} bytes`;
  context.addIssue({ code: 'custom', message, params: { code: 'too_long' } });
});

/**
 * Where and how a task is delivered by HTTP. A task with a callback is of the kind `callback`. See
 * docs/design/http-api.md#callbacks.
 */
export const callbackInput = strict(
  {
    url: z.string().meta({
      description: 'http or https, at most 2,048 bytes; the configuration of the service must allow it',
    }),
    method: z.enum(methods, { error: `must be one of ${methods.join(', ')}` }).default('POST'),
    headers: headers.default({}).meta({ description: 'Headers of the request: at most 32, 8,192 bytes' }),
    body: z.enum(bodies, { error: 'must be payload, envelope or none' }).optional().meta({
      description:
        "The request's body: the payload's bytes unchanged (default), an envelope around them, or none (default with GET)",
    }),
    connect_timeout: durationText(1, 60_000)
      .default(DEFAULT_CONNECT_TIMEOUT)
      .meta({ description: 'Longest time to connect, 1ms to 60s; it is part of the timeout of the attempt' }),
    redirects: choice(['none'], ['same_host']).default('none'),
  },
  ['completion', 'signing_key', 'notify'],
);

/** A callback in an answer. Values of secret headers are `***`. */
export const callback = z.object({
  url: z.string(),
  method: z.enum(methods),
  headers: z.record(z.string(), z.string()),
  body: z.enum(bodies),
  connect_timeout: z.string(),
  redirects: z.literal('none'),
});

/** A callback as a client writes it. */
export type CallbackInput = z.input<typeof callbackInput>;
/** A callback that was checked, with its defaults. */
export type CheckedCallback = z.output<typeof callbackInput>;
export type Callback = z.output<typeof callback>;
export type CallbackMethod = Callback['method'];
export type CallbackBody = Callback['body'];
