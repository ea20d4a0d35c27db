// Schemas that refuse what they do not know, because a typing error must not be ignored. Fields and values of the
// contract that are not built yet are known by name and refused as `not_built_yet`.

import * as z from 'zod';

/** For each schema, the fields that a later version will take and this one refuses. */
const notBuiltFields = z.registry<{ readonly fields: readonly string[] }>();

/**
 * An object that takes no other fields than those of `shape`; `notBuilt` names the fields that a later version will
 * take.
 */
export function strict<S extends z.ZodRawShape>(shape: S, notBuilt: readonly string[] = []) {
  const schema = z.strictObject(shape);
  notBuiltFields.add(schema, { fields: notBuilt });
  return schema;
}

/** One of the `known` values. A value in `notBuilt` is refused as one that a later version will take. */
export function choice<const N extends readonly [string, ...string[]]>(
  known: N,
  notBuilt: readonly string[],
) {
  const message = `must be ${known.join(' or ')}`;
  return z.enum(known, {
    error: ({ input }) => (notBuilt.includes(String(input)) ? NOT_BUILT_MESSAGE : message),
  });
}

/** `codeOf` in issues.ts recognizes these issues by this text. */
export const NOT_BUILT_MESSAGE = 'is not built yet';

// What follows reads the definitions of schemas, which Zod publishes but does not type in full.

type Loose = { readonly def: Record<string, unknown> };

/** The schema inside of optional, default, transform and pipe. */
function inner(schema: unknown): unknown {
  const def = (schema as Loose).def;
  const next = def['innerType'] ?? def['in'];
  return next === undefined ? schema : inner(next);
}

function definition(schema: unknown): Record<string, unknown> {
  return (inner(schema) as Loose).def;
}

/** The object schemas among the alternatives of a schema: the schema itself, or those of a union. */
function objectsIn(schema: unknown): z.ZodType[] {
  const { type, options } = definition(schema);
  if (type === 'union') return (options as unknown[]).flatMap(objectsIn);
  return type === 'object' ? [inner(schema) as z.ZodType] : [];
}

function childOf(schema: unknown, step: PropertyKey): unknown {
  const { type, element } = definition(schema);
  if (type === 'array') return element;
  for (const object of objectsIn(schema)) {
    const shape = definition(object)['shape'] as Record<PropertyKey, unknown>;
    if (shape[step] !== undefined) return shape[step];
  }
  return undefined;
}

/**
 * The schema at a path of an input, through fields of objects and elements of lists. Undefined if the path leads
 * nowhere.
 */
export function schemaAt(root: z.ZodType, path: readonly PropertyKey[]): z.ZodType | undefined {
  let schema: unknown = root;
  for (const step of path) {
    if (schema === undefined) return undefined;
    schema = childOf(schema, step);
  }
  return schema as z.ZodType | undefined;
}

/**
 * Names of the fields that an object schema takes (`known`), and of those that a later version will take (`notBuilt`).
 */
export function fieldsOf(schema: z.ZodType | undefined): { known: string[]; notBuilt: string[] } {
  const objects = schema === undefined ? [] : objectsIn(schema);
  return {
    known: objects.flatMap((object) => Object.keys(definition(object)['shape'] as object)),
    notBuilt: objects.flatMap((object) => notBuiltFields.get(object as z.ZodObject)?.fields ?? []),
  };
}

/** Whether a field of an object schema is decoded to a list, such as the text of a parameter with commas. */
export function isList(schema: z.ZodType, name: string): boolean {
  const decoded = (field: unknown): unknown => {
    const { innerType, out, type } = (field as Loose).def;
    const next = innerType ?? out;
    return next === undefined ? type : decoded(next);
  };
  const field = childOf(schema, name);
  return field !== undefined && decoded(field) === 'array';
}
