// Lists are answered page by page, all in the same form. See docs/design/http-api.md#conventions.

import * as z from 'zod';
import { limits } from './limits.ts';

/** The query parameters of a list that has pages. */
export const pageQuery = {
  limit: z.coerce.number<string>().int().min(1).max(limits.pageMax).default(limits.pageDefault),
  /** The `next_cursor` of the page before. */
  cursor: z.string().min(1).max(2_000).optional(),
};

/** A page of a list. `next_cursor` null = the last page; `total` null = not counted. */
export const pageOf = <S extends z.ZodType>(item: S) =>
  z.object({
    data: z.array(item),
    next_cursor: z.string().nullable(),
    total: z.int().min(0).nullable(),
    scanned: z.int().min(0).nullable(),
  });
