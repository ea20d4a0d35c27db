import * as z from 'zod';

/** Roles of API keys. Each role may do everything that the roles before it may do. */
export const ROLES = ['viewer', 'submitter', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** The API key of the call. `queues` and `businesses` limit what it may see and change; null = no limit. */
export const me = z
  .object({
    key_id: z.string(),
    name: z.string().nullable(),
    role: z.enum(ROLES),
    queues: z.array(z.string()).nullable(),
    businesses: z.array(z.string()).nullable(),
  })
  .meta({ id: 'ApiKey', description: 'The API key of the call; null = no limit' });

export type Me = z.output<typeof me>;
