/** Bytes that travel beside the data; null is told from empty. */
export type Bytes = Uint8Array | null;

/** What travels between the threads: plain data as JSON, bytes as they are. */
export interface Packet<Data> {
  readonly data: Data;
  readonly bytes: readonly Bytes[];
}

/** A packet without bytes. */
export const plain = <Data>(data: Data): Packet<Data> => ({ data, bytes: [] });

/** A packet made ready to travel: JSON of head, data and lengths. */
export interface Parcel {
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
  readonly packet: Packet<unknown>;
}

const ABSENT = -1;

export function parcel(head: unknown, { data, bytes }: Packet<unknown>): Parcel {
  const lengths = bytes.map((one) => one?.length ?? ABSENT);
  const text = JSON.stringify([head, data, lengths]);
  return { text, bytes, size: lengths.reduce((sum, length) => sum + Math.max(0, length), text.length) };
}

export function pack(parcels: readonly Parcel[]): Batch {
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
  const parcels = JSON.parse(text) as [head: unknown, data: unknown, lengths: number[]][];
  return parcels.map(([head, data, lengths]) => ({ head, packet: { data, bytes: lengths.map(cut) } }));
}
