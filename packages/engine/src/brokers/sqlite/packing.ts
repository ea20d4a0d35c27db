/** Bytes that travel beside the data; null is told from empty. */
export type Bytes = Uint8Array | null;

/** The JSON of a row. */
export type Json<Row> = string & { readonly of?: Row };

/** What travels between the threads: plain data as JSON, bytes as they are. */
export interface Packet<Data, Row = never> {
  readonly data: Data;
  readonly bytes: readonly Bytes[];
  /** Rows that SQLite wrote as JSON: to take them apart and write them again costs as much as to read them. */
  readonly rows?: readonly Json<Row>[];
}

/** A packet at its goal. */
export interface ReceivedPacket<Data, Row = never> {
  readonly data: Data;
  readonly bytes: readonly Bytes[];
  readonly rows: readonly Row[];
}

/** A packet without bytes. */
export const plain = <Data>(data: Data): Packet<Data> => ({ data, bytes: [] });

/** A packet made ready to travel: JSON of head, data, lengths and rows. */
export interface Envelope {
  readonly text: string;
  readonly bytes: readonly Bytes[];
  /** Bytes in all, about. */
  readonly size: number;
}

/**
 * Many parcels as one message. One string and one buffer: copying objects between threads costs several times
 * what JSON does.
 */
export interface Batch {
  readonly text: string;
  readonly bytes: Uint8Array<ArrayBuffer> | null;
}

/** An unpacked parcel. */
export interface Unpacked {
  readonly head: unknown;
  readonly packet: ReceivedPacket<unknown, unknown>;
}

const ABSENT = -1;

export function toEnvelope(head: unknown, { data, bytes, rows = [] }: Packet<unknown, unknown>): Envelope {
  const lengths = bytes.map((one) => one?.length ?? ABSENT);
  const text = `[${JSON.stringify([head, data, lengths])},[${rows.join(',')}]]`;
  return { text, bytes, size: lengths.reduce((sum, length) => sum + Math.max(0, length), text.length) };
}

export function pack(parcels: readonly Envelope[]): Batch {
  const text = `[${parcels.map((one) => one.text).join(',')}]`;
  let total = 0;
  for (const { bytes } of parcels) for (const one of bytes) total += one?.length ?? 0;
  if (total === 0) return { text, bytes: null };
  const all = new Uint8Array(total);
  let offset = 0;
  for (const { bytes } of parcels) {
    for (const one of bytes) {
      if (one === null) continue;
      all.set(one, offset);
      offset += one.length;
    }
  }
  return { text, bytes: all };
}

const NOTHING = new Uint8Array(0);

export function unpack({ text, bytes }: Batch): Unpacked[] {
  const all = bytes ?? NOTHING;
  let offset = 0;
  const cut = (length: number): Bytes => {
    if (length === ABSENT) return null;
    offset += length;
    return all.subarray(offset - length, offset);
  };
  const parcels = JSON.parse(text) as [[head: unknown, data: unknown, lengths: number[]], rows: unknown[]][];
  return parcels.map(([[head, data, lengths], rows]) => ({
    head,
    packet: { data, bytes: lengths.map(cut), rows },
  }));
}
