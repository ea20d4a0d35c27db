import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { pack, toEnvelope, unpack } from './packing.ts';

const bytes = fc.array(fc.option(fc.uint8Array({ maxLength: 50 }), { nil: null }), { maxLength: 5 });
const rows = fc.array(fc.json(), { maxLength: 3 });
const parcels = fc.array(fc.record({ head: fc.string(), data: fc.jsonValue(), bytes, rows }), {
  maxLength: 8,
});
const parsed = (text: string): unknown => JSON.parse(text);

test('what is packed comes out the same, bytes and null and empty too, and rows of JSON as what they say', () => {
  fc.assert(
    fc.property(parcels, (all) => {
      const sent = pack(all.map(({ head, ...packet }) => toEnvelope(head, packet)));
      const got = unpack(structuredClone(sent));
      const wanted = all.map(({ head, ...packet }) => ({
        head,
        // JSON knows no negative zero.
        packet: { ...packet, data: parsed(JSON.stringify(packet.data)), rows: packet.rows.map(parsed) },
      }));
      expect(got).toEqual(wanted);
    }),
  );
});

test('a parcel tells its size', () => {
  const { size, text } = toEnvelope('name', { data: [1], bytes: [new Uint8Array(1_000), null] });
  expect(size).toBe(text.length + 1_000);
});
