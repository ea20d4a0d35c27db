// Entry of the thread that renews leases, over a connection of its own: a blocked main thread cannot delay it.
import { parentPort, workerData } from 'node:worker_threads';
import { failStop } from '../../../leases/fail-stop.ts';
import { applyToRenewer, type FromRenewer, type ToRenewer } from '../../../leases/renewer-messages.ts';
import { clockOf } from '../../../leases/main-clock.ts';
import { Renewer } from '../../../leases/renewer.ts';
import { silentLog } from '../../../runtime/log.ts';
import { createRuntime } from '../../../runtime/runtime.ts';
import { RedisClient } from '../client/redis-client.ts';
import { createExtend } from './extend.ts';
import type { LeaseRenewerData } from './lease-renewer.ts';

/** Time limit of one renewal. A lease is short: better to try again on a new connection than to wait for an old one. */
const EXTEND_MS = 1_000;

const port = parentPort!;
const { target, originMs } = workerData as LeaseRenewerData;
const clock = clockOf(originMs);
const client = new RedisClient({ target, runtime: createRuntime({ clock, log: silentLog }) });
const renewer = new Renewer({
  clock,
  extend: createExtend(client, { timeoutMs: EXTEND_MS }),
  report: (owner, report) => port.postMessage({ owner, report } satisfies FromRenewer),
  watchesMainThread: true,
  failStop,
});
port.on('message', (message: ToRenewer) => applyToRenewer(renewer, message));
renewer.start();
