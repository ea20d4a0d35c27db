import * as z from 'zod';

const check = z
  .object({
    name: z.string().meta({ description: 'What was checked, such as broker or loop forwarder' }),
    ok: z.boolean(),
    detail: z.string().nullable().meta({ description: 'What is wrong; null = nothing is' }),
  })
  .meta({ id: 'HealthCheck' });

/**
 * The state of the process or of the service. `unavailable`: the broker does not answer, or refuses calls. `full`: it has no room for
 * tasks. `unsafe`: it cannot keep its promises. `stuck`: a loop of this process or its event loop hangs.
 */
export const health = z
  .object({
    status: z.enum(['ok', 'starting', 'stopping', 'unavailable', 'full', 'unsafe', 'stuck']),
    checks: z
      .array(check)
      .optional()
      .meta({ description: 'What was checked: with ?verbose and the key of an operator' }),
  })
  .meta({ id: 'Health' });
export const version = z.object({ version: z.string(), api: z.literal('v1') }).meta({ id: 'Version' });
/** Its own form is that of OpenAPI. */
export const contractDocument = z.record(z.string(), z.unknown()).meta({ id: 'OpenapiDocument' });

export type Health = z.output<typeof health>;
export type Version = z.output<typeof version>;
