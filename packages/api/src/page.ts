// Lists are answered page by page, all in the same form. See docs/design/http-api.md#conventions.

import * as z from 'zod';
import { limits } from './limits.ts';

/** A whole number as text, in decimal digits: `Number` also reads `0x10`, `1e2` and blanks. */
export const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .transform((text) => (/^-?\d{1,15}(?:\.\d{1,15})?$/.test(text) ? Number(text) : NaN))
    .pipe(z.int().min(min).max(max));

/** The query parameters of a list that has pages. */
export const pageQuery = {
  limit: wholeNumber(1, limits.pageMax).default(limits.pageDefault),
  /** The `next_cursor` of the page before. */
  cursor: z.string().min(1).max(2_000).optional(),
};

const page = z
  .object({
    next_cursor: z.string().nullable().meta({
      description: 'Asks for the next page, also after a short or an empty one; null = this is the last one',
    }),
    total: z.int().min(0).nullable().meta({ description: 'Items on all pages; null = not counted' }),
    scanned: z.int().min(0).nullable().meta({ description: 'Items read for this page; null = not shown' }),
  })
  .meta({ id: 'Page', description: 'What all lists have, whatever their items are' });

/** A page of a list, with its name in OpenAPI. */
export const pageOf = <S extends z.ZodType>(id: string, item: S) =>
  z.intersection(page, z.object({ data: z.array(item) })).meta({ id });
