import * as z from 'zod';

/** Roles of API keys. Each role may do everything that the roles before it may do. */
export const ROLES = ['viewer', 'submitter', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** The API key of the call. `queues` and `businesses` limit what it may see and change; null = no limit. */
export const me = z.object({
  key_id: z.string(),
  name: z.string().nullable(),
  role: z.enum(ROLES),
  queues: z.array(z.string()).nullable(),
  businesses: z.array(z.string()).nullable(),
});

/** The state of the process or of the service. */
export const health = z.object({ status: z.enum(['ok', 'starting', 'stopping', 'unavailable']) });
export const version = z.object({ version: z.string(), api: z.literal('v1') });

export type Me = z.output<typeof me>;
export type Health = z.output<typeof health>;
export type Version = z.output<typeof version>;
