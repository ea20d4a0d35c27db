/** `GET /`: a page for people, open to anyone. It shows nothing that only a key may see. */
import { createHash } from 'node:crypto';
import type { Queue } from '@task-center/api';
import { BUILT_IN_QUEUES, control } from '@task-center/engine';
import { isLoopback } from '../../config/load.ts';
import { PlainText, type Call, type Reply } from '../call.ts';
import type { AppDeps } from '../deps.ts';
import { pageHtml, PAGE_STYLE } from './page-html.ts';
import { presentQueue } from '../queues/present.ts';

const styleHash = createHash('sha256').update(PAGE_STYLE).digest('base64');

/** Content-Security-Policy: no scripts, and no style but ours. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${styleHash}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * Counts and the broker's address are shown without a key only on this machine: in mode `try`, and if the request names a
 * loopback host. The name is checked because of DNS rebinding, where a foreign page reaches this service under its own name.
 * A service on loopback may be behind a proxy: that alone says nothing.
 */
export function isOnThisMachine({ rules, config }: AppDeps, headers: Headers): boolean {
  const host = (headers.get('host') ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return rules.mode === 'try' && isLoopback(config.http.host) && isLoopback(host);
}

/** The built-in queues with their counts; null = the broker did not answer. */
async function readCounts({ broker }: AppDeps): Promise<Queue[] | null> {
  try {
    const queues = await control.getLogicalQueues(broker, BUILT_IN_QUEUES);
    return queues.map((queue) => presentQueue(queue, { minute: null, memoryBytes: null }));
  } catch {
    // The page also works while the broker is unavailable, and says so.
    return null;
  }
}

/** Elsewhere just its kind. */
function shownBroker({ broker }: AppDeps, isHere: boolean): string {
  if (isHere) return broker.name;
  return broker.name.startsWith('sqlite:') ? 'SQLite' : 'Redis';
}

/** `GET /` */
export async function getPage({ deps, headers }: Call<'getPage'>): Promise<Reply> {
  const { config, rules, runtime, version } = deps;
  const isHere = isOnThisMachine(deps, headers);
  const text = pageHtml({
    version,
    broker: shownBroker(deps, isHere),
    roles: config.roles,
    mode: rules.mode,
    upSeconds: Math.floor(process.uptime()),
    now: new Date(runtime.clock.wallMs()),
    queues: isHere ? await readCounts(deps) : 'hidden',
  });
  return {
    body: new PlainText(text),
    headers: {
      'content-security-policy': POLICY,
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
    },
  };
}
