import * as z from 'zod';
import { time } from '../values.ts';

const memory = z
  .object({
    used_bytes: z.int(),
    max_bytes: z.int().nullable().meta({ description: 'null = there is no limit' }),
    policy: z.string().meta({ description: 'What happens when the memory is full, such as noeviction' }),
    evicted_keys: z
      .int()
      .meta({ description: 'Keys removed for want of memory since this process connected' }),
  })
  .meta({ id: 'BrokerMemory' });
const persistence = z
  .object({ aof: z.boolean(), saved_at: time.nullable() })
  .meta({ id: 'BrokerPersistence' });
const finding = z
  .object({
    code: z.string(),
    severity: z.enum(['error', 'warning']),
    detail: z.string(),
    fix: z.string(),
    since: time,
  })
  .meta({ id: 'BrokerFinding' });

/** The broker as the service saw it last. Null = it is unknown, or this kind of broker has no such thing. */
export const brokerState = z
  .object({
    kind: z.enum(['redis', 'valkey', 'sqlite']),
    version: z.string().nullable(),
    role: z.enum(['master', 'replica']).nullable(),
    memory: memory.nullable(),
    persistence: persistence.nullable(),
    findings: z
      .array(finding)
      .meta({ description: 'What is wrong with it. While there is an error, submissions are refused' }),
  })
  .meta({
    id: 'Broker',
    description: 'The broker as the service saw it last; null = unknown, or it has no such thing',
  });

export type BrokerState = z.output<typeof brokerState>;
