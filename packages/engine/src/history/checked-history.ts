import {
  HISTORY_BY,
  HISTORY_KEPT,
  type History,
  type HistoryPage,
  type HistoryPut,
  type HistoryRange,
  type HistoryReport,
  type HistoryStep,
} from '../broker/history.ts';
import { createFieldsCheck, required } from '../checks/options.ts';
import { anyBytes, checkOf, listOf, oneOf, orNull, wholeNumber } from '../checks/values.ts';
import { invalidValue } from '../errors/task-center-error.ts';
import { checkName } from '../task/checked.ts';

const aStep = required(oneOf(['minute', 'hour'] satisfies HistoryStep[]));
const aNumber = required(wholeNumber(0));
const aBy = required(oneOf(HISTORY_BY));
const bytesByName = checkOf('a Map of bytes', (value) => value instanceof Map);

const checkHistoryReport = createFieldsCheck<HistoryReport>('report', {
  minute: aNumber,
  process: required(checkName),
  data: required(anyBytes),
});
const checkHistoryRange = createFieldsCheck<HistoryRange>('range', {
  by: aBy,
  step: aStep,
  from: aNumber,
  to: aNumber,
});
const checkHistoryPage = createFieldsCheck<HistoryPage>('page', {
  by: aBy,
  step: aStep,
  at: aNumber,
  data: required(anyBytes),
});
const checkHistoryPut = createFieldsCheck<HistoryPut>('put', {
  version: aNumber,
  minute: aNumber,
  hour: required(orNull(wholeNumber(0))),
  pages: required(listOf((page, name) => void checkHistoryPage(page, name), 'a list of pages')),
  baselines: required(bytesByName),
  removed: required(listOf(checkName, 'a list of stored queues')),
});

/** A range that nobody keeps would be read for hours. */
function checkLength({ step, from, to }: HistoryRange): void {
  const most = 2 * HISTORY_KEPT[step];
  if (to - from > most) throw invalidValue('range.to', to, `at most ${most} ${step}s after range.from`);
}

/** The same facet, which refuses what no broker can use. */
export function checkedHistory(history: History): History {
  return {
    async report(report) {
      const { minute, process, data } = checkHistoryReport(report);
      return history.report({ minute, process, data });
    },
    reports: () => history.reports(),
    state: () => history.state(),
    async put(put) {
      return history.put(checkHistoryPut(put));
    },
    async pages(given) {
      const range = checkHistoryRange(given);
      checkLength(range);
      return history.pages(range);
    },
  };
}
