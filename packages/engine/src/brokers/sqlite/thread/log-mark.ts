// The mark that ties a database file to its write-ahead log, and what it says. Pure functions over bytes.
//
// SQLite writes transactions to a log beside the file, and copies them into the file in checkpoints. Afterwards it begins
// the log anew, as its next generation, whose first salt is the last one plus 1. A file alone does not show whether it
// needs its log, and SQLite takes any log that lies beside it. So two numbers in the header of the file say it:
// `application_id` that the mark is ours, `user_version` the generation of the log, and whether more followed in the log.

/** `TCDB`, in the header of files that have marks. */
export const APPLICATION_ID = 0x54_43_44_42;

export interface LogMark {
  /** The lower 31 bits of the first salt of the log in which this mark was written. */
  readonly tag: number;
  /** Whether more was written after the state that this mark belongs to. */
  readonly more: boolean;
}

const MORE_BIT = 0x80_00_00_00;
const TAG_BITS = 0x7f_ff_ff_ff;

/** How many bytes of a file `markOf` reads. */
export const FILE_HEADER_BYTES = 100;
const PAGE_SIZE_AT = 16;
/** Where a file keeps `user_version`. */
export const USER_VERSION_AT = 60;
const APPLICATION_ID_AT = 68;

const tagOfSalt = (salt: number): number => salt & TAG_BITS;
/** The tag of the log's next generation. */
export const tagAfter = (tag: number): number => (tag + 1) & TAG_BITS;
/** A mark as a signed number of 32 bits, as SQLite keeps it. */
export const toUserVersion = ({ tag, more }: LogMark): number => (more ? tag | MORE_BIT : tag) | 0;

const fromUserVersion = (version: number): LogMark => ({ tag: version & TAG_BITS, more: version < 0 });

/** The mark in the first page of a database; null = it has none. */
export function markOf(page: Buffer): LogMark | null {
  if (page.length < FILE_HEADER_BYTES || page.readInt32BE(APPLICATION_ID_AT) !== APPLICATION_ID) return null;
  return fromUserVersion(page.readInt32BE(USER_VERSION_AT));
}

/** Bytes per page, by the header of a file. */
export function pageBytesOf(header: Buffer): number {
  const stored = header.length < FILE_HEADER_BYTES ? 0 : header.readUInt16BE(PAGE_SIZE_AT);
  return stored === 1 ? 65_536 : stored;
}

/** Sizes and places in a log, bytes. A frame is a header and a page. */
export const LOG_HEADER_BYTES = 32;
export const FRAME_HEADER_BYTES = 24;
const SALT_AT = 16;
const FRAME_SALT_AT = 8;
const LOG_MAGIC = 0x37_7f_06_82;

/** SQLite's checksum of the log's header: over 24 bytes, in the byte order that the magic number says. */
function checksumOf(header: Buffer): readonly [number, number] {
  const isBig = (header.readUInt32BE(0) & 1) === 1;
  const read = (at: number) => (isBig ? header.readUInt32BE(at) : header.readUInt32LE(at));
  let [first, second] = [0, 0];
  for (let at = 0; at < 24; at += 8) {
    first = (first + read(at) + second) >>> 0;
    second = (second + read(at + 4) + first) >>> 0;
  }
  return [first, second];
}

/** The tag of a log by its header; null = SQLite would take the log for an empty one. */
export function tagOfLog(header: Buffer): number | null {
  if (header.length < LOG_HEADER_BYTES || (header.readUInt32BE(0) & ~1) !== LOG_MAGIC) return null;
  const [first, second] = checksumOf(header);
  if (header.readUInt32BE(24) !== first || header.readUInt32BE(28) !== second) return null;
  return tagOfSalt(header.readUInt32BE(SALT_AT));
}

/** The tag in a frame's header. */
export const tagOfFrame = (frame: Buffer): number => tagOfSalt(frame.readUInt32BE(FRAME_SALT_AT));
/** The number of the page in a frame; the first is 1. */
export const pageOfFrame = (frame: Buffer): number => frame.readUInt32BE(0);
