// The history facet on Redis. All its keys are in one slot, and pages are in hashes by hour or by day, which expire as a whole.
import { randomBytes } from 'node:crypto';
import type { History, HistoryPage, HistoryReport } from '../../../broker/history.ts';
import { checkedHistory } from '../../../history/checked-history.ts';
import { historyReportsKey } from '../../../protocol/keys.ts';
import type { RedisDeps } from '../deps.ts';
import {
  historyMinutes,
  historyPages,
  historyPut,
  historyReport,
  historyState,
  STEPS_PER_KEY,
} from '../scripts/history/table.ts';
import { textOf } from '../scripts/reply.ts';

/** Reports that are read in one call: each may have 64 KiB. */
const REPORTS_PER_CALL = 16;

export function createHistory({ client }: RedisDeps): History {
  /** A scan shows an entry twice at worst. */
  async function reportsOf(minute: number): Promise<HistoryReport[]> {
    const found = new Map<string, Uint8Array>();
    let cursor = '0';
    do {
      const command = ['HSCAN', historyReportsKey(minute), cursor, 'COUNT', String(REPORTS_PER_CALL)];
      const [next, flat] = (await client.command(command)) as [unknown, Buffer[]];
      for (let i = 0; i < flat.length; i += 2) found.set(textOf(flat[i]), flat[i + 1]!);
      cursor = textOf(next);
    } while (cursor !== '0');
    return [...found].map(([process, data]) => ({ minute, process, data }));
  }

  return checkedHistory({
    report: (report) => client.run(historyReport, report),
    async reports() {
      const minutes = await client.run(historyMinutes, undefined);
      const reports: HistoryReport[] = [];
      for (const minute of minutes) reports.push(...(await reportsOf(minute)));
      return reports;
    },
    state: () => client.run(historyState, undefined),
    put: (put) => client.run(historyPut, { ...put, write: randomBytes(12).toString('base64url') }),
    async pages(range) {
      const { step, from, to } = range;
      const perKey = STEPS_PER_KEY[step];
      const pages: HistoryPage[] = [];
      for (let group = Math.floor(from / perKey); group * perKey < to; group += 1)
        pages.push(...(await client.run(historyPages, { ...range, group })));
      return pages;
    },
  });
}
