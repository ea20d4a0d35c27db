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

/** What OpenAPI shows of a URL; the service checks more. The URL parser reads the scheme in any case. */
const URL_FORM = {
  minLength: 8,
  maxLength: 2_048,
  pattern: '^[Hh][Tt][Tt][Pp][Ss]?://[^\\x00-\\x20\\x7f\\\\/?#@]+(?:[/?#][^\\x00-\\x20\\x7f\\\\]*)?$',
  examples: ['https://billing.example.com/hooks/invoice'],
};
const headerName = z.string().meta({ pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" });
const headerValue = z.string().meta({ pattern: '^[\\t -~]*$' });

/** The headers of a request: their number and their size in all are limited. */
const headers = z
  .record(headerName, headerValue)
  .superRefine((record, context) => {
    const entries = Object.entries(record);
    const bytes = entries.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
    if (entries.length <= limits.callbackHeaders && bytes <= limits.callbackHeaderBytes) return;
    const message = `must be at most ${limits.callbackHeaders} headers with ${limits.callbackHeaderBytes} bytes`;
    context.addIssue({ code: 'custom', message, params: { code: 'too_long' } });
  })
  .meta({ id: 'CallbackHeaders', maxProperties: limits.callbackHeaders });

/**
 * Where and how a task is delivered by HTTP. A task with a callback is of the kind `callback`. See
 * docs/design/http-api.md#callbacks.
 */
export const callbackInput = strict(
  {
    url: z.string().meta({
      ...URL_FORM,
      description: 'http or https, at most 2,048 bytes; the configuration of the service must allow it',
    }),
    method: z
      .enum(methods, { error: `must be one of ${methods.join(', ')}` })
      .meta({ id: 'CallbackMethod' })
      .default('POST'),
    headers: headers.default({}).meta({ description: 'Headers of the request: at most 32, 8,192 bytes' }),
    body: z
      .enum(bodies, { error: 'must be payload, envelope or none' })
      .meta({ id: 'CallbackBody' })
      .optional()
      .meta({
        description:
          "The request's body: the payload's bytes unchanged (default), an envelope around them, or none (default with GET)",
      }),
    connect_timeout: durationText(1, 60_000)
      .default(DEFAULT_CONNECT_TIMEOUT)
      .meta({ description: 'Longest time to connect, 1ms to 60s; it is part of the timeout of the attempt' }),
    redirects: choice(['none'], ['same_host']).meta({ id: 'CallbackRedirects' }).default('none'),
  },
  ['completion', 'signing_key', 'notify'],
).meta({ id: 'CallbackInput' });

/** Headers in an answer. */
export const shownHeaders = z.record(z.string(), z.string()).meta({ id: 'Headers' });

/** A callback in an answer. Values of secret headers are `***`. */
export const callback = z
  .object({
    url: z.string(),
    method: z.enum(methods),
    headers: shownHeaders,
    body: z.enum(bodies),
    connect_timeout: z.string(),
    redirects: z.literal('none'),
  })
  .meta({
    id: 'Callback',
    description: 'Where and how a task is delivered; values of secret headers are ***',
  });

/** A callback as a client writes it. */
export type CallbackInput = z.input<typeof callbackInput>;
/** A callback that was checked, with its defaults. */
export type CheckedCallback = z.output<typeof callbackInput>;
export type Callback = z.output<typeof callback>;
export type CallbackMethod = Callback['method'];
export type CallbackBody = Callback['body'];
