/**
 * Checks answers of the service with its own OpenAPI document. Stricter than a client may be: a field or a value that the document
 * does not name is a fault, because the document would lack it.
 */
import { openapi } from '@task-center/api';

type Json = Record<string, unknown>;
type Schema = Json & {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly prefixItems?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly format?: string;
  readonly 'x-extensible-enum'?: readonly unknown[];
};
interface Documented {
  readonly description: string;
  readonly headers: Json;
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}
interface Operation {
  readonly responses: Readonly<Record<string, Documented>>;
}

const document = openapi('test') as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
};

/** What the check understands, and what says nothing about a value. A schema with any other keyword is a fault. */
const KEYWORDS = new Set(
  (
    '$ref type properties required additionalProperties propertyNames items prefixItems minItems maxItems anyOf allOf ' +
    'minimum maximum format x-extensible-enum description examples'
  ).split(' '),
);
const FORMATS: Readonly<Record<string, RegExp>> = {
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
  date: /^\d{4}-\d\d-\d\d$/,
  binary: /^/,
};

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'number' && Number.isInteger(value) ? 'integer' : typeof value;
}

/** The schema itself: a reference is followed. What stands beside a reference only describes. */
function resolve(schema: Schema): Schema {
  if (schema.$ref === undefined) return schema;
  const found = document.components.schemas[schema.$ref.replace('#/components/schemas/', '')];
  if (found === undefined) throw new Error(`the document has no ${schema.$ref}`);
  return resolve(found);
}

const propertiesOf = (schema: Schema): string[] => {
  const { properties = {}, allOf = [] } = resolve(schema);
  return [...Object.keys(properties), ...allOf.flatMap(propertiesOf)];
};

function objectFaults(schema: Schema, value: Json, at: string): string[] {
  const { properties = {}, required = [], additionalProperties, allOf = [] } = schema;
  const missing = required.filter((name) => !(name in value)).map((name) => `${at} lacks ${name}`);
  const named = Object.entries(properties).filter(([name]) => name in value);
  const inner = named.flatMap(([name, property]) => faultsOf(property, value[name], `${at}.${name}`));
  const known = propertiesOf(schema);
  const others = Object.keys(value).filter((name) => !known.includes(name));
  const isPart = known.length === 0 && allOf.length === 0;
  if (additionalProperties !== undefined || isPart) {
    const more = others.flatMap((name) => faultsOf(additionalProperties ?? {}, value[name], `${at}.${name}`));
    return [...missing, ...inner, ...more];
  }
  return [...missing, ...inner, ...others.map((name) => `${at} has ${name}, which is not documented`)];
}

function listFaults(
  { items = {}, prefixItems = [], minItems, maxItems }: Schema,
  value: unknown[],
  at: string,
) {
  const faults = value.flatMap((item, index) =>
    faultsOf(prefixItems[index] ?? items, item, `${at}[${index}]`),
  );
  if (value.length < (minItems ?? 0) || value.length > (maxItems ?? Infinity))
    faults.push(`${at} has ${value.length} items, not ${minItems} to ${maxItems}`);
  return faults;
}

function faultsOf(given: Schema, value: unknown, at: string): string[] {
  const schema = resolve(given);
  const unknown = Object.keys(schema).filter((keyword) => !KEYWORDS.has(keyword));
  if (unknown.length > 0) return [`${at}: this check does not know ${unknown.join(' ')}`];
  const { type, anyOf, allOf = [], minimum, maximum, format } = schema;
  const found = typeOf(value);
  const types = type === undefined ? undefined : [type].flat();
  if (types !== undefined && !types.includes(found) && !(found === 'integer' && types.includes('number')))
    return [`${at} is ${found}, not ${types.join(' or ')}`];
  if (anyOf !== undefined && anyOf.every((option) => faultsOf(option, value, at).length > 0))
    return anyOf.flatMap((option) => faultsOf(option, value, at));
  // A field that one part does not know may be known to another: `objectFaults` below looks at all parts together.
  const faults = allOf
    .flatMap((part) => faultsOf(part, value, at))
    .filter((fault) => !fault.startsWith(`${at} has `));
  const known = schema['x-extensible-enum'];
  if (known !== undefined && value !== null && !known.includes(value))
    faults.push(`${at} is ${JSON.stringify(value)}, not ${known.join(' or ')}`);
  if (typeof value === 'number' && (value < (minimum ?? value) || value > (maximum ?? value)))
    faults.push(`${at} is ${value}, out of range`);
  if (typeof value === 'string' && format !== undefined && !FORMATS[format]?.test(value))
    faults.push(`${at} is ${value}, not a ${format}`);
  if (Array.isArray(value)) faults.push(...listFaults(schema, value, at));
  else if (found === 'object') faults.push(...objectFaults(schema, value as Json, at));
  return faults;
}

const templates = Object.keys(document.paths).map((path) => ({
  path,
  form: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`),
}));

/** What the document says of the answer; null = the path has no such operation. */
function documented(method: string, path: string, status: number): Documented | undefined | null {
  const [name = ''] = path.split('?');
  const template = templates.find(({ form }) => form.test(name))?.path;
  const operations = template === undefined ? undefined : document.paths[template];
  const operation = operations?.[method === 'HEAD' ? 'get' : method.toLowerCase()];
  return operation === undefined ? null : operation.responses[status];
}

/** Of what belongs to no operation: an unknown path, and methods that a path does not have. */
const NO_OPERATION: Documented = {
  description: 'not-found, method-not-allowed, malformed, too-large',
  headers: {
    'x-request-id': {},
    'task-center-version': {},
    'cache-control': {},
    'x-content-type-options': {},
  },
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

/** What is wrong with an answer by the document; empty = nothing. */
export function documentFaults(
  { method, path }: { readonly method: string; readonly path: string },
  { status, headers, text }: { readonly status: number; readonly headers: Headers; readonly text: string },
): string[] {
  const found = documented(method, path, status);
  if (found === undefined) return [`${status} is not documented`];
  const { description, headers: named, content = {} } = found ?? NO_OPERATION;
  const missing = Object.keys(named)
    .filter((name) => !headers.has(name))
    .map((name) => `the header ${name} is missing`);
  if (method === 'HEAD' || method === 'OPTIONS' || text === '') return missing;
  const type = headers.get('content-type') ?? '';
  const media = content[type];
  if (media === undefined) return [...missing, `${type} is not documented for ${status}`];
  if (!type.includes('json')) return missing;
  const json = JSON.parse(text) as Json;
  const faults = faultsOf(media.schema, json, 'answer');
  if (type === 'application/problem+json' && !description.includes(String(json['code'])))
    faults.push(`the problem ${String(json['code'])} is not documented for ${status}`);
  return [...missing, ...faults];
}
