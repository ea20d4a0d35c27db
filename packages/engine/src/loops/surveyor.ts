import type { Maintain } from '../broker/maintain.ts';
import { createLoop, poll, type Loop } from '../runtime/loop.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Needs, News, QueueNeeds } from './needs.ts';
import { createTurns } from './turns.ts';

/** Mean time between two surveys. They are also the poll that finds what a lost wake-up should have told. */
const SURVEY_MS = 1_000;
/** Up to this number of queues, a survey looks at all of them. */
const MIN_SURVEYED = 1_024;
/** More queues take turns. Each has its turn within this number of surveys: the lease of a dead worker must be found in time. */
const MAX_TURNS = 3;

export interface SurveyorDeps {
  readonly broker: { readonly maintain: Pick<Maintain, 'survey'> };
  readonly needs: Needs;
  readonly runtime: Runtime;
  /** Called after a survey that has found news. */
  onNews(news: News): void;
}

/**
 * Finds out which queues need the other loops, many queues in a call: docs/design/engine.md#idle-queues. Only its calls are
 * made for every queue, whether it is used or not.
 */
export function createSurveyor({ broker, needs, runtime, onNews }: SurveyorDeps): Loop {
  const nextTurn = createTurns(MIN_SURVEYED, MAX_TURNS);

  /** Those that were never surveyed, and the next ones in turn: the master of the first may be down for long. */
  function queuesToSurvey(): readonly QueueNeeds[] {
    const unknown = needs.all().filter(({ isSurveyed }) => !isSurveyed);
    return [...new Set([...unknown, ...nextTurn(needs.all())])];
  }

  return createLoop({
    name: 'surveyor',
    runtime,
    async step() {
      const turn = queuesToSurvey();
      const before = turn.map(({ forwards }) => forwards);
      const found = turn.length > 0 ? await broker.maintain.survey(turn.map(({ queue }) => queue)) : [];
      const news = found.flatMap((surveyed, i) =>
        surveyed === null ? [] : [needs.recordSurvey(turn[i]!, surveyed, before[i]!)],
      );
      onNews({ isDue: news.some(({ isDue }) => isDue), isLeased: news.some(({ isLeased }) => isLeased) });
      // Spread, because many processes survey the same broker.
      return poll(SURVEY_MS * (0.75 + runtime.random() / 2));
    },
  });
}
