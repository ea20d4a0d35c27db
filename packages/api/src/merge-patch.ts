// JSON Merge Patch (RFC 7396): what a PATCH has replaces what is there, null removes it, and the rest stays.

import * as z from 'zod';
import { fieldsOf, strict } from './strict.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Whether a patch goes on inside of the value. Payloads are bytes in a class of their own: they are replaced as a whole. */
function hasFields(value: unknown): value is Fields {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * The target with the patch applied. It goes as deep as the patch, which the reader of bodies has bounded. Neither of the two
 * is changed, and what the patch does not name is the same value as before: its bytes and its numbers are kept.
 */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!hasFields(patch)) return patch;
  const merged = new Map(hasFields(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch))
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value));
  return Object.fromEntries(merged);
}

/** What may be sent to change a `T`: each field may be left out, and null removes it. Lists are replaced as a whole. */
export type Patch<T> = { readonly [F in keyof T]?: PatchValue<NonNullable<T[F]>> | null };
type PatchValue<T> = T extends readonly unknown[] ? T : T extends object ? Patch<T> : T;

type Wrapped = z.ZodType & { readonly def: { readonly innerType?: Wrapped } };

/** The schema inside of optional, default and nullable. */
function required(schema: Wrapped): z.ZodType {
  const { innerType } = schema.def;
  return innerType === undefined ? schema : required(innerType);
}

/** One patch schema for each schema: they have names, and a name must not come twice. */
const patches = new WeakMap<z.ZodType, z.ZodType>();

function patchValueOf(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodObject ? patchOf(schema) : schema;
}

/**
 * The schema of a merge patch for what an object schema takes; `TaskInput` becomes `TaskInputPatch`. It checks each field alone: what
 * the patch makes of the resource is checked by the schema itself.
 */
export function patchOf<S extends z.ZodObject>(schema: S): z.ZodType<unknown, Patch<z.input<S>>> {
  const known = patches.get(schema);
  if (known !== undefined) return known as z.ZodType<unknown, Patch<z.input<S>>>;
  const shape = Object.entries(schema.shape as Record<string, Wrapped>).map(([name, field]) => {
    const { description } = field.meta() ?? {};
    const value = patchValueOf(required(field)).nullable().optional();
    return [name, description === undefined ? value : value.meta({ description })];
  });
  const id = schema.meta()?.id;
  const patch = strict(Object.fromEntries(shape) as z.ZodRawShape, fieldsOf(schema).notBuilt).meta(
    id === undefined ? {} : { id: `${id}Patch` },
  );
  patches.set(schema, patch);
  return patch as unknown as z.ZodType<unknown, Patch<z.input<S>>>;
}
