// The messages between the main thread and the writer thread, used on both sides. A call or an answer is a packet. Packets
// that travel together are packed into one string and one buffer: copying objects between threads costs several times
// what JSON does.

/** Bytes that travel beside the data. Null (absent) and empty are different. */
export type Bytes = Uint8Array | null;

/** The JSON text of a row. */
export type Json<Row> = string & { readonly of?: Row };

/** What travels between the threads: plain data as JSON, bytes as they are. */
export interface Packet<Data, Row = never> {
  readonly data: Data;
  readonly bytes: readonly Bytes[];
  /** Rows that SQLite wrote as JSON. They are passed on as text: parsing and writing them again would double the cost. */
  readonly rows?: readonly Json<Row>[];
}

/** A packet as it arrives in the other thread: its rows are parsed. */
export interface ReceivedPacket<Data, Row = never> {
  readonly data: Data;
  readonly bytes: readonly Bytes[];
  readonly rows: readonly Row[];
}

/** A packet without bytes. */
export const plain = <Data>(data: Data): Packet<Data> => ({ data, bytes: [] });

/** A packet ready to travel. Its text is the JSON of header, data, lengths of the bytes, and rows. */
export interface Envelope {
  readonly text: string;
  readonly bytes: readonly Bytes[];
  /** Approximate size in bytes, text and bytes together. */
  readonly size: number;
}

/** Envelopes packed into one message. The bytes of all of them follow each other in one buffer. */
export interface Batch {
  readonly text: string;
  readonly bytes: Uint8Array<ArrayBuffer> | null;
}

/** The content of an envelope. */
export interface Unpacked {
  /** For a call: the name of its handler. For an answer: 0 = reply, 1 = error. */
  readonly header: unknown;
  readonly packet: ReceivedPacket<unknown, unknown>;
}

/** Length that stands for null bytes. */
const ABSENT = -1;

export function toEnvelope(header: unknown, { data, bytes, rows = [] }: Packet<unknown, unknown>): Envelope {
  const lengths = bytes.map((item) => item?.length ?? ABSENT);
  const text = `[${JSON.stringify([header, data, lengths])},[${rows.join(',')}]]`;
  return { text, bytes, size: lengths.reduce((sum, length) => sum + Math.max(0, length), text.length) };
}

export function pack(envelopes: readonly Envelope[]): Batch {
  const text = `[${envelopes.map((envelope) => envelope.text).join(',')}]`;
  let total = 0;
  for (const { bytes } of envelopes) for (const item of bytes) total += item?.length ?? 0;
  if (total === 0) return { text, bytes: null };
  const buffer = new Uint8Array(total);
  let offset = 0;
  for (const { bytes } of envelopes) {
    for (const item of bytes) {
      if (item === null) continue;
      buffer.set(item, offset);
      offset += item.length;
    }
  }
  return { text, bytes: buffer };
}

const EMPTY_BUFFER = new Uint8Array(0);

/** The packets of a batch. Their bytes are views of the batch's buffer, not copies. */
export function unpack({ text, bytes }: Batch): Unpacked[] {
  const buffer = bytes ?? EMPTY_BUFFER;
  let offset = 0;
  const takeBytes = (length: number): Bytes => {
    if (length === ABSENT) return null;
    offset += length;
    return buffer.subarray(offset - length, offset);
  };
  const envelopes = JSON.parse(text) as [
    [header: unknown, data: unknown, lengths: number[]],
    rows: unknown[],
  ][];
  return envelopes.map(([[header, data, lengths], rows]) => ({
    header,
    packet: { data, bytes: lengths.map(takeBytes), rows },
  }));
}
