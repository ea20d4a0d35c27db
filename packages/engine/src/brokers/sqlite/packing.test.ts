import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { pack, toEnvelope, unpack } from './packing.ts';

const bytes = fc.array(fc.option(fc.uint8Array({ maxLength: 50 }), { nil: null }), { maxLength: 5 });
const rows = fc.array(fc.json(), { maxLength: 3 });
const packets = fc.array(fc.record({ header: fc.string(), data: fc.jsonValue(), bytes, rows }), {
  maxLength: 8,
});
const parse = (text: string): unknown => JSON.parse(text);

test('packets are unpacked as they were packed: data, bytes, null and empty bytes; rows of JSON are parsed', () => {
  fc.assert(
    fc.property(packets, (sentPackets) => {
      const batch = pack(sentPackets.map(({ header, ...packet }) => toEnvelope(header, packet)));
      const received = unpack(structuredClone(batch));
      const expected = sentPackets.map(({ header, ...packet }) => ({
        header,
        // JSON has no negative zero.
        packet: { ...packet, data: parse(JSON.stringify(packet.data)), rows: packet.rows.map(parse) },
      }));
      expect(received).toEqual(expected);
    }),
  );
});

test('an envelope has the size of its text and its bytes', () => {
  const { size, text } = toEnvelope('name', { data: [1], bytes: [new Uint8Array(1_000), null] });
  expect(size).toBe(text.length + 1_000);
});
