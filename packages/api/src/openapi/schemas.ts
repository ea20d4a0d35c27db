// Schemas of the contract as JSON Schema. Those with an ID become components of the document, each once.

import * as z from 'zod';

/** A part of the document, or a JSON Schema. */
export type Json = Record<string, unknown>;

/** What the schemas found so far have named, by name. */
export type Components = Record<string, Json>;

/** Adds a sentence to what a schema says about itself. */
function describe(part: Json, sentence: string): void {
  const { description } = part;
  part['description'] = typeof description === 'string' ? `${description}. ${sentence}` : sentence;
}

/** Values of an answer are open: a client that refuses one it does not know breaks when a later version adds one. */
function openValues(part: Json): void {
  const values = part['enum'] ?? ('const' in part ? [part['const']] : undefined);
  if (!Array.isArray(values) || !values.every((value) => typeof value === 'string')) return;
  delete part['enum'];
  delete part['const'];
  part['x-extensible-enum'] = values;
  describe(part, `One of ${values.join(', ')}. A later version may add values`);
}

/** Numbers in a row are shown as a range: generators would name a value after its number. */
function numbersAsRange(part: Json): void {
  const values = part['enum'];
  if (!Array.isArray(values) || !values.every(Number.isInteger)) return;
  delete part['enum'];
  part['type'] = 'integer';
  part['minimum'] = Math.min(...values);
  part['maximum'] = Math.max(...values);
}

/** A default is said in words: generators take a field that has one for a field that must be sent. */
function defaultInWords(part: Json): void {
  if (!('default' in part)) return;
  const { default: value, description = '' } = part;
  delete part['default'];
  // Some descriptions say more about it already.
  if (typeof description === 'string' && description.toLowerCase().includes('default')) return;
  describe(part, `Default: ${typeof value === 'string' ? value : JSON.stringify(value)}`);
}

/** What Zod says of whole numbers is the range of JavaScript, not a rule of the contract. */
function withoutSafeRange(part: Json): void {
  if (part['minimum'] === Number.MIN_SAFE_INTEGER) delete part['minimum'];
  if (part['maximum'] === Number.MAX_SAFE_INTEGER) delete part['maximum'];
}

/**
 * How a part of the contract is shown. `body`: what clients send. `parameter`: in path or query. `answer`: further fields are
 * allowed, because a later version adds some and clients must ignore them.
 */
export type Use = 'body' | 'parameter' | 'answer';

/** Makes a schema that Zod wrote one of the document, in place. */
/** A list of fixed length says so by its length: some generators do not know that `items` may be false. */
function fixedLength(part: Json): void {
  const { prefixItems, items } = part;
  if (!Array.isArray(prefixItems) || (items !== false && items !== undefined)) return;
  delete part['items'];
  Object.assign(part, { minItems: prefixItems.length, maxItems: prefixItems.length });
}

function adapt(part: Json, use: Use): void {
  fixedLength(part);
  numbersAsRange(part);
  withoutSafeRange(part);
  if (use === 'body') defaultInWords(part);
  if (use !== 'answer') return;
  openValues(part);
  if (part['additionalProperties'] === false) delete part['additionalProperties'];
}

/** Where Zod puts the schemas that have a name. */
const ZOD_REFERENCE = '#/$defs/';

/** The same value, with its references to named schemas leading to the components of the document. */
function withReferences(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withReferences);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, inner]) => {
    const isReference = name === '$ref' && typeof inner === 'string' && inner.startsWith(ZOD_REFERENCE);
    if (!isReference) return [name, withReferences(inner)];
    return [name, `#/components/schemas/${inner.slice(ZOD_REFERENCE.length)}`];
  });
  return Object.fromEntries(entries) as unknown;
}

/**
 * The JSON Schema of a contract schema. What has a name in it is added to `components` and referred to.
 *
 * @throws Error two different schemas have one name
 */
export function schemaOf(schema: z.ZodType, use: Use, components: Components): Json {
  const {
    $schema: _,
    $defs: named = {},
    ...own
  } = z.toJSONSchema(schema, {
    io: use === 'body' ? 'input' : 'output',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => adapt(jsonSchema as Json, use),
  });
  for (const [name, definition] of Object.entries(named)) {
    const shown = withReferences(definition) as Json;
    if (components[name] !== undefined && JSON.stringify(components[name]) !== JSON.stringify(shown))
      throw new Error(`Two schemas of the contract have the name ${name}.`);
    components[name] = shown;
  }
  return withReferences(own) as Json;
}
