// IDs of tasks in lines of the history. Each schedule has a hundred of these, and a UUID as text would be the longest part of them.

/** A UUID at the end of a stored ID; the business of the task stands before it. */
const ENDS_WITH_UUID = /^(.*)([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})$/s;
/** Length of 16 bytes in base64url. */
const SHORT_UUID = 22;
/** Begins an ID that stands as it is. Base64url has no such character. */
const AS_IT_IS = '=';

/** As lines have it: the UUID in base64url, then what stood before it. */
export function shortId(id: string): string {
  const match = ENDS_WITH_UUID.exec(id);
  if (!match) return AS_IT_IS + id;
  const [before, ...hex] = match.slice(1) as [string, ...string[]];
  return Buffer.from(hex.join(''), 'hex').toString('base64url') + before;
}

/** The ID that `shortId` has made this of. */
export function longId(short: string): string {
  if (short.startsWith(AS_IT_IS)) return short.slice(AS_IT_IS.length);
  const hex = Buffer.from(short.slice(0, SHORT_UUID), 'base64url').toString('hex');
  const uuid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  return short.slice(SHORT_UUID) + uuid;
}
