/**
 * How large tasks are in an answer. Before they are read it is an estimate: more than usual, but less than the maximum. Then
 * it is the size of the page itself.
 */
import { limits, stringify, type QueryOf, type TaskPart } from '@task-center/api';
import { PlainText, type Call, type Reply } from '../call.ts';

const KIB = 1_024;
/** A task without parts. */
export const TASK_BYTES = 1.5 * KIB;
const PART_BYTES: Readonly<Record<TaskPart, number>> = {
  payload: limits.shownPayloadBytes,
  result: limits.shownPayloadBytes,
  callback: 10 * KIB,
  attempts: 128 * KIB,
};

/** One task with the parts that were asked for, and with those that are always there. */
export const singleBytes = ({ include = [] }: Pick<QueryOf<'getTask'>, 'include'>): number =>
  include.includes('attempts') ? 32 * KIB + PART_BYTES.attempts : 32 * KIB;

/** A page of tasks. */
export function pageBytes({ limit, include = [] }: Pick<QueryOf<'listTasks'>, 'limit' | 'include'>): number {
  const each = [...new Set(include)].reduce((sum, part) => sum + PART_BYTES[part], TASK_BYTES);
  return Math.min(limit * each, limits.pageBytes);
}

/** Reads somewhat fewer tasks than would fit by their average size, because tasks differ in size. */
const MARGIN = 0.8;

/**
 * Reads a page of at most `limits.pageBytes`, or of one task. The broker bounds what it reads, but a byte of it may take six
 * bytes of JSON. A page that is too large is read again with fewer tasks, as only the broker knows where the next one begins.
 */
export async function readPageWithinBytes(
  call: Call<'listTasks'>,
  read: (
    call: Call<'listTasks'>,
  ) => Promise<Reply & { readonly body: { readonly data: readonly unknown[] } }>,
): Promise<Reply> {
  for (let { limit } = call.query; ;) {
    const { body } = await read({ ...call, query: { ...call.query, limit } });
    const text = stringify(body);
    const bytes = Buffer.byteLength(text);
    const count = body.data.length;
    if (bytes <= limits.pageBytes || count <= 1) return { body: new PlainText(text) };
    limit = Math.max(1, Math.floor(((count * limits.pageBytes) / bytes) * MARGIN));
  }
}
