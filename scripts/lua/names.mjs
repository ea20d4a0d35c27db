// Names in Lua scripts, which become numbers and strings when a script is assembled.
//
// Comments declare them, as `name` or `name: description`. `KEYS` and `ARGV` of a script's header are in order; the last one may
// be `names...`, a list of any length. A record is a list of values in a fixed order: the arguments of one task, or a row of HMGET.
//
//   -- KEYS   lease: of the queue
//   -- ARGV   now; length_ms; leases...
//   -- RECORD lease: id; token
//   -- RECORD row: message; state
//
// The code says `KEYS.lease` and `ARGV.length_ms`; `INDEX.leases`, where the list begins; `SIZE.lease`, the values in a record;
// `ARGV[lease].token`, in the record that begins at the index `lease`; `row.state`, in the list `row`; `FIELDS.row`, the stored
// fields of the row, for HMGET. `FIELD.meta` and the like are in `fields.lua` and `codes.lua`.
import { isComment } from './preludes.mjs';

const NAME = /^\s*([a-z]\w*)(\.\.\.)?\s*(?::.*)?$/s;

/** The names in a declaration. A list's name comes with its dots. */
function namesIn(text) {
  return text.split(';').map((entry) => {
    const [, name, dots = ''] = NAME.exec(entry) ?? [];
    if (!name) throw new Error(`"${entry.trim()}" is not a name, or a name and its description`);
    return name + dots;
  });
}

/** The declarations in the comments: the word, the text behind it, and the line that it ends in. */
function declarationsIn(lines) {
  const declarations = [];
  lines.forEach((line, i) => {
    const [, pad, word, text] = /^( *)-- (KEYS|ARGV|RECORD)\s+(.*)$/.exec(line) ?? [];
    if (word === undefined) return;
    let end = i + 1;
    while (lines[end]?.startsWith(`${pad}--    `)) end += 1;
    const more = lines.slice(i + 1, end).map((next) => next.trim().slice(2).trim());
    declarations.push({ word, text: [text, ...more].join(' '), line: end - 1 });
  });
  return declarations;
}

/** `KEYS` or `ARGV` of a script's header: the names that are no lists, and the index of all, from 1. `none` = there are none. */
export function readHeader(lines, word) {
  const declaration = declarationsIn(lines).find((found) => found.word === word);
  if (!declaration) throw new Error(`there is no ${word}`);
  const names = declaration.text.trim() === 'none' ? [] : namesIn(declaration.text);
  const index = new Map(names.map((name, i) => [name.replace('...', ''), i + 1]));
  return { names: names.filter((name) => !name.endsWith('...')), index };
}

/** Tables such as `CODE` in `codes.lua`: comment, `NAME = {`, lines `key = 'value', -- What it is.`, `}`. */
export function readConstants(text) {
  return [...text.matchAll(/((?:^-- .*\n)+)^([A-Z]+) = \{\n([^}]*)^\}/gm)].map(([, about, name, body]) => ({
    name,
    about: about.replaceAll('-- ', '').trim().replaceAll('\n', ' '),
    values: [...body.matchAll(/^ {2}(\w+) = '([^']*)', -- (.*)$/gm)].map(([, key, value, what]) => ({
      key,
      value,
      about: what,
    })),
  }));
}

/** Puts numbers and strings in the place of a script's names, line by line. */
class Resolver {
  #header;
  #constants;
  #unused;
  /** Records in ARGV that the code reads, by name. */
  sent = new Map();

  /** @param header index of each key and argument: `{ KEYS, ARGV }`; constants by table and name */
  constructor(header, constants) {
    this.#header = header;
    this.#constants = constants;
    const names = [...header.KEYS.keys(), ...header.ARGV.keys()];
    this.#unused = new Set(names);
    if (this.#unused.size < names.length) throw new Error('a name is declared twice');
    this.#unused.delete('now');
  }

  /** Keys and arguments that no line has used. */
  get unused() {
    return [...this.#unused];
  }

  resolve(line, records) {
    return line
      .replaceAll(/\b(KEYS|ARGV)\.(\w+)/g, (_, table, name) => `${table}[${this.#index(name, table)}]`)
      .replaceAll(/\bINDEX\.(\w+)/g, (_, name) => this.#index(name, 'ARGV', 'KEYS'))
      .replaceAll(/\bSIZE\.(\w+)/g, (_, record) => this.#record(records, record).length)
      .replaceAll(/\bARGV\[(\w+)\]\.(\w+)/g, (_, record, name) => {
        const offset = find(positions(this.#record(records, record)), name) - 1;
        return `ARGV[${record}${offset > 0 ? ` + ${offset}` : ''}]`;
      })
      .replaceAll(/\bFIELDS\.(\w+)/g, (_, record) => {
        const fields = find(records, record).filter((name) => this.#constants.get('FIELD').has(name));
        return fields.map((name) => this.#constant('FIELD', name)).join(', ');
      })
      .replaceAll(/\b([A-Z]+)\.(\w+)/g, (text, table, name) =>
        this.#constants.has(table) ? this.#constant(table, name) : text,
      )
      .replaceAll(/(?<![\w.])(\w+)\.(\w+)/g, (text, record, name) =>
        records.has(record) && name !== 'err'
          ? `${record}[${find(positions(records.get(record)), name)}]`
          : text,
      );
  }

  #index(name, ...tables) {
    this.#unused.delete(name);
    return find(new Map(tables.flatMap((table) => [...this.#header[table]])), name);
  }

  /** A record of arguments. */
  #record(records, name) {
    const names = find(records, name);
    this.sent.set(name, names);
    return names;
  }

  #constant(table, name) {
    return `'${find(this.#constants.get(table), name)}'`;
  }
}

const positions = (names) => new Map(names.map((name, i) => [name, i + 1]));

function find(map, name) {
  if (!map.has(name)) throw new Error(`"${name}" is not declared`);
  return map.get(name);
}

/**
 * Replaces the names and leaves comments out. A record is known from its declaration on; in a function with preludes of its own,
 * to the end of it.
 */
export function resolveNames(lines, header, constants) {
  const resolver = new Resolver(header, constants);
  const declarations = new Map(
    declarationsIn(lines.map(({ text }) => text)).map((declaration) => [declaration.line, declaration]),
  );
  const outer = new Map();
  let inner = null;
  const code = lines.flatMap(({ text, hidden }, i) => {
    inner = hidden ? (inner ?? new Map(outer)) : null;
    const records = inner ?? outer;
    const declaration = declarations.get(i);
    if (declaration?.word === 'RECORD') {
      const [, variables, names] = /^([a-z_, ]+): (.*)$/s.exec(declaration.text);
      for (const variable of variables.split(', ')) records.set(variable, namesIn(names));
    }
    return isComment(text) ? [] : [resolver.resolve(text, records)];
  });
  if (resolver.unused.length > 0) throw new Error(`declared, but not used: ${resolver.unused.join(', ')}`);
  return { code, records: resolver.sent };
}
