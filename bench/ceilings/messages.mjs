const BYTES = 2;

function varint(number) {
  const bytes = [];
  let left = number;
  while (left > 127) {
    bytes.push((left & 127) | 128);
    left >>>= 7;
  }
  return Buffer.from([...bytes, left]);
}

function field(number, value) {
  if (typeof value === 'number') return Buffer.concat([varint(number << 3), varint(value)]);
  const bytes = Buffer.from(value);
  return Buffer.concat([varint((number << 3) | BYTES), varint(bytes.length), bytes]);
}

/** Asynq's TaskMessage as a task of the bench has it: type, payload, ID, queue, 3 retries, 30 min. Frozen as its scripts. */
export const messageOf = (id, payload) =>
  Buffer.concat([
    field(1, 'bench'),
    field(2, JSON.stringify(payload)),
    field(3, id),
    field(4, 'default'),
    field(5, 3),
    field(8, 1_800),
  ]);
