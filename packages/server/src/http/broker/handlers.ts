/** Operations on the store of tasks itself. */
import { control } from '@task-center/engine';
import { Download, type Call, type Handlers, type Reply } from '../call.ts';

/** The name under which browsers and `curl -OJ` keep a copy: `tasks-2026-11-30T06-45-15Z.db`. */
function fileName(wallMs: number): string {
  const time = new Date(wallMs).toISOString().replace(/\..*/, 'Z').replaceAll(':', '-');
  return `tasks-${time}.db`;
}

/**
 * `GET /v1/broker/backup`. The copy is whole before its first byte is sent: its size is known then, and an error still has an
 * answer of its own.
 */
async function getBrokerBackup({ deps, isGone }: Call<'getBrokerBackup'>): Promise<Reply> {
  const { bytes, content } = await control.openBackup(deps.broker, { signal: isGone() });
  const name = fileName(deps.runtime.clock.wallMs());
  return {
    body: new Download(content),
    headers: {
      'content-length': String(bytes),
      'content-disposition': `attachment; filename="${name}"`,
    },
  };
}

export const brokerHandlers = { getBrokerBackup } satisfies Partial<Handlers>;
