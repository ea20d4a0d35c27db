/** Number of slots in a cluster. */
export const SLOTS = 16_384;

/** A node in a `CLUSTER SLOTS` reply. It may not know its own host: null, or an empty text. */
type SlotNode = readonly [host: Buffer | string | null, port: number, id: Buffer | string];

/** One entry of a `CLUSTER SLOTS` reply: slots `start` to `end`, their master, and its replicas. */
export type SlotRange = readonly [start: number, end: number, master: SlotNode, ...replicas: SlotNode[]];

/** CRC-16/XMODEM of each byte; a cluster derives slots from it. */
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc & 0xffff;
});

/** A key's hash tag, the text in its first pair of braces; null = none. Keys with the same tag share a slot. */
export function tagOf(key: string): string | null {
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open + 1);
  return close > open + 1 ? key.slice(open + 1, close) : null;
}

/** The slot of a key in a cluster, 0 to 16383. */
export function slotOf(key: string): number {
  let crc = 0;
  for (const byte of Buffer.from(tagOf(key) ?? key)) {
    crc = ((crc << 8) & 0xffff) ^ (TABLE[((crc >> 8) ^ byte) & 0xff] as number);
  }
  return crc % SLOTS;
}
