import * as z from 'zod';

/**
 * The state of the process or of the service. `unavailable`: the broker does not answer. `unsafe`: it answers, but cannot keep
 * its promises.
 */
export const health = z
  .object({ status: z.enum(['ok', 'starting', 'stopping', 'unavailable', 'unsafe']) })
  .meta({ id: 'Health' });
export const version = z.object({ version: z.string(), api: z.literal('v1') }).meta({ id: 'Version' });
/** Its own form is that of OpenAPI. */
export const contractDocument = z.record(z.string(), z.unknown()).meta({ id: 'OpenapiDocument' });

export type Health = z.output<typeof health>;
export type Version = z.output<typeof version>;
