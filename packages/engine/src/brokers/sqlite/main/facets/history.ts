// The history facet on the main thread. Bytes travel beside the data, in the order in which the data names what they belong to.
import type { History } from '../../../../broker/history.ts';
import { checkedHistory } from '../../../../history/checked-history.ts';
import { plain } from '../../packing.ts';
import type { StoreCalls } from '../../thread/requests.ts';

/** The history facet of a store. Pages, reports and baselines are bytes to it: what they hold is the affair of `history`. */
export function createHistory(writer: StoreCalls): History {
  return checkedHistory({
    report: async ({ minute, process, data }) =>
      (await writer.run('historyReport', { data: { minute, process }, bytes: [data] })).data,
    // Their bytes come in the order of the reports.
    async reports() {
      const { data, bytes } = await writer.run('historyReports', plain(null));
      return data.map((report, i) => ({ ...report, data: bytes[i]! }));
    },
    async state() {
      const { data, bytes } = await writer.run('historyState', plain(null));
      const { queues, ...state } = data;
      return { ...state, baselines: new Map(queues.map((queue, i) => [queue, bytes[i]!])) };
    },
    // Nothing can come between the comparison of the version and the writes: they are one request.
    async put({ version, minute, hour, removed, ...put }) {
      const data = {
        version,
        minute,
        hour,
        removed,
        pages: put.pages.map(({ by, step, at }) => ({ by, step, at })),
        baselines: [...put.baselines.keys()],
      };
      const bytes = [...put.pages.map((page) => page.data), ...put.baselines.values()];
      return (await writer.run('historyPut', { data, bytes })).data;
    },
    async pages(range) {
      const { data, bytes } = await writer.run('historyPages', plain(range));
      const { by, step } = range;
      return data.map((at, i) => ({ by, step, at, data: bytes[i]! }));
    },
  });
}
