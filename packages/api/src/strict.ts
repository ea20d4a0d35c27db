import * as z from 'zod';

/** Fields of the contract that this version knows by name and refuses, by schema. */
const notBuiltFields = z.registry<{ readonly fields: readonly string[] }>();

/** An object that takes no other fields; `later` names those that a later version will take. */
export function strict<S extends z.ZodRawShape>(shape: S, later: readonly string[] = []) {
  const schema = z.strictObject(shape);
  notBuiltFields.add(schema, { fields: later });
  return schema;
}

/** One of `now`; values in `later` are refused by name. */
export function choice<const N extends readonly [string, ...string[]]>(now: N, later: readonly string[]) {
  const message = `must be ${now.join(' or ')}`;
  return z.enum(now, {
    error: ({ input }) => (later.includes(String(input)) ? NOT_BUILT_MESSAGE : message),
  });
}

export const NOT_BUILT_MESSAGE = 'is not built yet';

type Loose = { readonly def: Record<string, unknown> };

function inner(schema: unknown): unknown {
  const def = (schema as Loose).def;
  const next = def['innerType'] ?? def['in'];
  return next === undefined ? schema : inner(next);
}

function definition(schema: unknown): Record<string, unknown> {
  return (inner(schema) as Loose).def;
}

/** Object schemas that the schema may stand for: itself, or the objects of a union. */
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

/** The schema at a path of an input: fields of objects, elements of lists. Undefined where it cannot be told. */
export function schemaAt(root: z.ZodType, path: readonly PropertyKey[]): z.ZodType | undefined {
  let schema: unknown = root;
  for (const step of path) {
    if (schema === undefined) return undefined;
    schema = childOf(schema, step);
  }
  return schema as z.ZodType | undefined;
}

/** Names of the fields that the object schema takes, and of those it will take. */
export function fieldsOf(schema: z.ZodType | undefined): { now: string[]; later: string[] } {
  const objects = schema === undefined ? [] : objectsIn(schema);
  return {
    now: objects.flatMap((object) => Object.keys(definition(object)['shape'] as object)),
    later: objects.flatMap((object) => notBuiltFields.get(object as z.ZodObject)?.fields ?? []),
  };
}
