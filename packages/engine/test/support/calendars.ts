import { expect } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { getCalendar, listCalendars, putCalendar } from '../../src/control/calendars.ts';

/** Expects of a broker with the calendars `good` and `spoilt` that the second one harms nothing, and can be put anew. */
export async function expectSpoilt(broker: Broker): Promise<void> {
  const found = (await listCalendars(broker)).filter(({ source }) => source === 'api');
  expect(found.map(({ id, isReadable, off }) => [id, isReadable, off])).toEqual([
    ['good', true, ['2026-05-14']],
    ['spoilt', false, []],
  ]);
  const { version } = await getCalendar(broker, 'spoilt');
  const { item } = await putCalendar(broker, { id: 'spoilt', calendar: {} });
  expect(item).toMatchObject({ isReadable: true, version: version + 1 });
  expect(await getCalendar(broker, 'spoilt')).toMatchObject({ isReadable: true, version: version + 1 });
}
