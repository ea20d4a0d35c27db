// What fields of answers have in common. Answers are not checked when they are sent: what is stored was checked before.

import * as z from 'zod';

export const text = z.string();
export const count = z.int().min(0);
/** A field that is null where its value is unknown or not reached. */
export const maybe = <S extends z.ZodType>(schema: S) => schema.nullable();
