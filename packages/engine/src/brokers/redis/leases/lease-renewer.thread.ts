// Entry of the thread that renews leases, on a connection of its own.
import { parentPort, workerData } from 'node:worker_threads';
import { failStop } from '../../../leases/fail-stop.ts';
import { tellRenewer, type FromRenewer, type ToRenewer } from '../../../leases/renewer-messages.ts';
import { clockOf } from '../../../leases/main-clock.ts';
import { createRenewer } from '../../../leases/renewer.ts';
import { createRuntime } from '../../../runtime/runtime.ts';
import { createRedisClient } from '../client/redis-client.ts';
import { createExtend } from './extend.ts';
import type { LeaseRenewerData } from './lease-renewer.ts';

/** A lease is short: rather ask again on a new connection than wait for an old one. */
const EXTEND_MS = 1_000;

const port = parentPort!;
const { target, originMs } = workerData as LeaseRenewerData;
const clock = clockOf(originMs);
const connection = createRedisClient({ target, runtime: createRuntime({ clock }) });
const renewer = createRenewer({
  clock,
  extend: createExtend(connection, { timeoutMs: EXTEND_MS }),
  note: (owner, note) => port.postMessage({ owner, note } satisfies FromRenewer),
  watches: true,
  failStop,
});
port.on('message', (message: ToRenewer) => tellRenewer(renewer, message));
renewer.start();
