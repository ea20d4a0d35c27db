/** Bodies of requests that try to make the service work long. Each one follows from its seed. */

const KIB = 1_024;
/** What the bodies are made of: all fields of a task, among them those that hold lists and objects. */
const TEXT_FIELDS = (
  'id type queue priority payload_text payload_base64 content_type business_id user_id traceparent tracestate ' +
  'trace_id delay run_at deadline timeout retry retention durability'
).split(' ');
const FIELDS = [...TEXT_FIELDS, 'payload', 'tags', 'callback', 'unique', 'after', 'max_age'];
const UNITS = [
  'a',
  'é',
  '你',
  '\\u0041',
  '\\n',
  '=',
  '==',
  '-',
  '/',
  '//',
  '0',
  ' ',
  'T',
  ':',
  '%',
  '%41',
  '~',
  '~cb',
  '@',
  '.',
  '_',
  '1s',
  '\\ud83d\\ude00',
  'A',
  '+',
  ',',
  ';',
  '00-',
  '?',
  '#',
  '\u0301',
  '\u200b',
  'e\u0301',
];
const VALUES = [
  '0',
  '1',
  '-1',
  '""',
  '"x"',
  'null',
  'true',
  '[]',
  '{}',
  '[[]]',
  '{"a":1}',
  '1e300',
  '0.1',
  '"\\u0000"',
  '9007199254740991',
];

/** A small generator of random numbers (mulberry32). Returns integers below `below`. */
function randomInts(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

type Ints = ReturnType<typeof randomInts>;

function pick<T>(int: Ints, from: readonly T[]): T {
  const [item] = from.slice(int(from.length));
  if (item === undefined) throw new RangeError('there is nothing to pick from');
  return item;
}

const fill = (unit: string, bytes: number): string =>
  unit.repeat(Math.max(0, Math.floor(bytes / Buffer.byteLength(unit))));

/** A JSON string of about this size. */
const text = (int: Ints, bytes: number): string => `"${fill(pick(int, UNITS), bytes)}"`;
/** A list of equal elements. */
const list = (element: string, bytes: number): string => `[${fill(`${element},`, bytes)}${element}]`;

/** A name that is nearly one of ours: to suggest a name, the service has to compare it. */
function nearName(int: Ints, n: number): string {
  const name = pick(int, FIELDS);
  return `${name.slice(0, int(name.length))}${n.toString(36)}${name.slice(int(name.length))}`;
}

/** Whole numbers that share their low 15 bits, 512 at a time: some versions of V8 do not seed the hashes of such names. */
const indexName = (n: number): string => String((n % 512) * 32_768 + Math.floor(n / 512));

/** Fields with values, up to this size and this many. */
function fields(int: Ints, bytes: number, count = Infinity): string {
  const parts: string[] = [];
  const nameLength = pick(int, [0, 0, 20, 60, 400]);
  const content = pick(int, VALUES);
  const form = int(4);
  let size = 0;
  for (let n = 0; size < bytes && n < count; n += 1) {
    const name = form < 2 ? nearName(int, n) : n.toString(36) + fill('n', nameLength);
    const part = `"${form === 3 ? indexName(n) : name}":${content}`;
    size += part.length + 1;
    parts.push(part);
  }
  return parts.join(',');
}

/** JSON that is deep, wide or long. */
function value(int: Ints, bytes: number): string {
  switch (int(7)) {
    case 0:
      return text(int, bytes);
    case 1:
      return list(pick(int, [...VALUES, `"${'v'.repeat(100)}"`]), bytes);
    case 2:
      return list(text(int, int(200)), bytes);
    case 3:
      return `{${fields(int, bytes, pick(int, [999, 1_000, 1_001, Infinity]))}}`;
    case 4:
      return list(`${'['.repeat(28)}${']'.repeat(28)}`, bytes);
    case 5:
      return `${pick(int, ['', '-', '0.', '1e'])}${fill('1', bytes)}`;
    default:
      return list(`{${fields(int, 100 + int(2_000), 999)}}`, bytes);
  }
}

function callback(int: Ints, bytes: number): string {
  const headers = () => {
    const count = pick(int, [1, 32, 999]);
    const each = Math.max(1, Math.floor(bytes / count) - 20);
    return Array.from({ length: count }, (_, n) => `"x-${n}":${int(9) === 0 ? '1' : text(int, each)}`).join(
      ',',
    );
  };
  const url =
    int(3) === 0
      ? text(int, Math.min(bytes, 4_000))
      : `"https://a.test/${fill(pick(int, ['u', '%41', 'é']), int(2_000))}"`;
  return `{"url":${url},"headers":{${headers()}}}`;
}

function retry(int: Ints, bytes: number): string {
  const kind = pick(int, ['list', 'fixed', 'exponential', 'linear', 'none']);
  return `{"max_retries":${pick(int, ['3', '-1', '"x"'])},"backoff":{"kind":"${kind}","delays":${list(pick(int, ['"1s"', '1', '"x"']), bytes)}}}`;
}

/** One field of a task with about this size. */
function field(int: Ints, bytes: number): string {
  switch (int(6)) {
    case 0:
      return `"callback":${callback(int, bytes)}`;
    case 1:
      return `"retry":${retry(int, bytes)}`;
    case 2:
      return `"tags":${list(pick(int, [...VALUES, '"a:b"']), bytes)}`;
    case 3:
      return `"${pick(int, TEXT_FIELDS)}":${text(int, bytes)}`;
    case 4:
      return `"payload":${value(int, bytes)}`;
    default:
      return `"${pick(int, FIELDS)}":${value(int, bytes)}`;
  }
}

/** `maxFields`: most unknown fields. */
function task(int: Ints, bytes: number, maxFields: number): string {
  const parts = Array.from({ length: 1 + int(3) }, () => field(int, Math.floor(bytes / 3)));
  if (int(2) === 0) parts.push(fields(int, Math.floor(bytes / 3), maxFields));
  if (int(3) > 0) parts.push('"type":"t"');
  // A second field of the same name ends the reading at once, which is not what this is for.
  const byName = new Map(parts.map((part) => [part.slice(0, part.indexOf('":')), part]));
  return `{${[...byName.values()].filter((part) => part !== '').join(',')}}`;
}

/** A task that is valid and as large as its limits allow. */
function largestTask(int: Ints): string {
  const headers = Array.from({ length: 31 }, (_, n) => `"x-${n}":"${'h'.repeat(100)}"`).join(',');
  const tags = Array.from({ length: 10 }, (_, n) => `"${n}${'t'.repeat(60)}"`).join(',');
  const delays = list('"1s"', 95 * 5);
  return `{"type":"${'t'.repeat(128)}","queue":"q${int(3)}","tags":[${tags}],"retry":{"backoff":{"kind":"list","delays":${delays}}},"callback":{"url":"https://a.test/${'u'.repeat(1_000)}","headers":{${headers}}}}`;
}

/** The body of a single task. */
const single = (int: Ints, bytes: number): string =>
  int(8) === 0 ? largestTask(int) : task(int, bytes, 990);

/** The body of a batch. */
function batch(int: Ints, bytes: number): string {
  const count = pick(int, [1, 10, 100, 1_000, 1_000, 1_000]);
  const each = Math.floor(bytes / count);
  if (int(5) === 0) return `{"tasks":[${fill(`${largestTask(int)},`, bytes - 5_000)}${largestTask(int)}]}`;
  const isVaried = int(2) === 0;
  const maxFields = count < 1_000 ? 900 : pick(int, [5, 60, 200, 900]);
  const one = task(int, each, maxFields);
  const tasks = Array.from({ length: count }, () => (isVaried ? task(int, each, maxFields) : one));
  const shared =
    int(3) === 0 ? `"defaults":${task(int, pick(int, [100, 8 * KIB, 200 * KIB]), maxFields)},` : '';
  return `{${shared}"tasks":[${tasks.join(',')}]}`;
}

export interface HostileBody {
  readonly path: '/v1/tasks' | '/v1/batches';
  readonly bytes: Uint8Array;
}

/** A body of at most the size that its path takes. */
export function hostileBody(seed: number): HostileBody {
  const int = randomInts(seed);
  const path = int(3) === 0 ? '/v1/tasks' : '/v1/batches';
  const limit = path === '/v1/tasks' ? 1_024 * KIB : 8_192 * KIB;
  const size = int(4) === 0 ? int(limit) : limit - 2 * KIB;
  const body = int(12) === 0 ? value(int, size) : path === '/v1/tasks' ? single(int, size) : batch(int, size);
  return { path, bytes: Buffer.from(body).subarray(0, limit) };
}
