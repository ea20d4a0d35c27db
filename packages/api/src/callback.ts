import * as z from 'zod';
import { choice, strict } from './strict.ts';
import { duration } from './values.ts';
import { limits } from './limits.ts';

const methods = ['POST', 'PUT', 'PATCH', 'DELETE', 'GET'] as const;

const headers = z.record(z.string(), z.string()).superRefine((record, context) => {
  const entries = Object.entries(record);
  const bytes = entries.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (entries.length <= limits.callbackHeaders && bytes <= limits.callbackHeaderBytes) return;
  const message = `must be at most ${limits.callbackHeaders} headers with ${limits.callbackHeaderBytes} bytes`;
  context.addIssue({ code: 'custom', message, params: { code: 'too_long' } });
});

/** How and where a task is delivered by HTTP (api section 5). */
export const callbackInput = strict(
  {
    url: z.string().meta({ description: 'http or https, at most 2,048 bytes' }),
    method: z.enum(methods, { error: `must be one of ${methods.join(', ')}` }).default('POST'),
    headers: headers.default({}),
    body: z
      .enum(['payload', 'envelope', 'none'], { error: 'must be payload, envelope or none' })
      .optional()
      .meta({
        description:
          "The payload's bytes as they are (the default; with GET: none), an envelope around them, or nothing",
      }),
    connect_timeout: duration(1, 60_000).default('3s'),
    redirects: choice(['none'], ['same_host']).default('none'),
  },
  ['completion', 'signing_key', 'notify'],
);

/** A callback as it is answered; secret header values are `***`. */
export const callback = z.object({
  url: z.string(),
  method: z.enum(methods),
  headers: z.record(z.string(), z.string()),
  body: z.enum(['payload', 'envelope', 'none']),
  connect_timeout: z.string(),
  redirects: z.literal('none'),
});

/** As a client writes it. */
export type CallbackInput = z.input<typeof callbackInput>;
/** Checked, with its defaults. */
export type CheckedCallback = z.output<typeof callbackInput>;
export type Callback = z.output<typeof callback>;
