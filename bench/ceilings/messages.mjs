/** The protobuf wire type of length-delimited fields. */
const LENGTH_DELIMITED = 2;

function varint(number) {
  const bytes = [];
  let remaining = number;
  while (remaining > 127) {
    bytes.push((remaining & 127) | 128);
    remaining >>>= 7;
  }
  return Buffer.from([...bytes, remaining]);
}

function field(number, value) {
  if (typeof value === 'number') return Buffer.concat([varint(number << 3), varint(value)]);
  const bytes = Buffer.from(value);
  return Buffer.concat([varint((number << 3) | LENGTH_DELIMITED), varint(bytes.length), bytes]);
}

/**
 * Asynq's TaskMessage of a task of the bench: type, payload, ID, queue, 3 retries, timeout 30 min. Frozen, like the scripts of
 * that ceiling.
 */
export const messageOf = (id, payload) =>
  Buffer.concat([
    field(1, 'bench'),
    field(2, JSON.stringify(payload)),
    field(3, id),
    field(4, 'default'),
    field(5, 3),
    field(8, 1_800),
  ]);
