/** Reads the text of the configuration file. */
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { display, isGroup, isPath, unknownKey, type Walk } from './given.ts';

/** The source of what the file sets. */
const FILE = 'the configuration file';

/** Collects the file's values by path. A key without a value (`http:` alone) sets nothing. */
function walk(value: unknown, prefix: string, into: Walk): void {
  for (const [key, member] of Object.entries(value as Record<string, unknown>)) {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    if (isPath(path)) setOnce(path, member, into);
    else if (!isGroup(path)) into.problems.push(unknownKey(path, FILE));
    else if (typeof member === 'object' && !Array.isArray(member)) walk(member ?? {}, path, into);
    else into.problems.push({ path, source: FILE, found: display(member), expected: 'keys below it' });
  }
}

function setOnce(path: Parameters<Walk['given']['set']>[0], value: unknown, { given, problems }: Walk): void {
  if (value === null) return;
  // `http.port` may be written with a dot, too.
  if (given.has(path))
    problems.push({ path, source: FILE, found: 'two values, in two forms', expected: 'one value' });
  given.set(path, { value, source: FILE });
}

/** The lines of the file, for positions in its text. */
interface Lines {
  readonly lines: LineCounter;
}

/** Finds keys that one map of the file has twice. YAML has no rule for which one counts. */
function findRepeated(node: unknown, prefix: string, into: Pick<Walk, 'problems'> & Lines): void {
  if (isSeq(node)) node.items.forEach((item, i) => findRepeated(item, `${prefix}[${i}]`, into));
  if (!isMap(node)) return;
  const lineByKey = new Map<string, number>();
  for (const { key, value } of node.items) {
    if (!isScalar(key)) continue;
    const name = String(key.value);
    const path = prefix === '' ? name : `${prefix}.${name}`;
    const { line } = into.lines.linePos(key.range?.[0] ?? 0);
    const first = lineByKey.get(name);
    if (first === undefined) lineByKey.set(name, line);
    else {
      const source = `${FILE}, line ${line}`;
      into.problems.push({ path, source, found: `the key again, after line ${first}`, expected: 'it once' });
    }
    findRepeated(value, path, into);
  }
}

/**
 * Reads the file's text. Everything that is wrong with it becomes a problem: syntax errors, with their line, unknown keys, and
 * keys that are set twice. Aliases are refused, because with them a small file could expand without bound.
 */
export function readFile(yaml: string, into: Walk): void {
  const lines = new LineCounter();
  const document = parseDocument(yaml, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  for (const { message, pos } of document.errors) {
    const source = `${FILE}, line ${lines.linePos(pos[0]).line}`;
    into.problems.push({ path: '', source, found: message, expected: 'valid YAML' });
  }
  if (document.errors.length > 0) return;
  const before = into.problems.length;
  findRepeated(document.contents, '', { lines, problems: into.problems });
  if (into.problems.length > before) return;
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 0 }) ?? {};
  } catch {
    into.problems.push({ path: '', source: FILE, found: 'an alias (*name)', expected: 'plain values' });
    return;
  }
  if (typeof value === 'object' && !Array.isArray(value)) walk(value, '', into);
  else into.problems.push({ path: '', source: FILE, found: display(value), expected: 'keys with values' });
}
