// Writes `lua.generated.ts`: the codes that scripts and engine share; and for each script its text, its SHA-1, and functions that
// put named keys and arguments in order. Others append a record to the arguments. The names are in camel case there.
import { createHash } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { readConstants, readHeader, resolveNames } from './names.mjs';
import { withPreludes } from './preludes.mjs';

const camelCase = (name) => name.replace(/[-_]+(.)/g, (_, letter) => letter.toUpperCase());
const quote = (text) => `'${text}'`;

/** Assembles a script: preludes put in, names resolved, comments and blank lines left out, as Redis stores what it is sent. */
export function assemble(text, readPrelude, constants) {
  const lines = text.split('\n');
  const keys = readHeader(lines, 'KEYS');
  const args = readHeader(lines, 'ARGV');
  if (args.names[0] !== 'now') throw new Error('the first argument must be "now"');
  const shebang = lines.filter((line) => line.startsWith('#!'));
  const body = lines.filter((line) => !line.startsWith('#!')).join('\n');
  const header = { KEYS: keys.index, ARGV: args.index };
  const { code, records } = resolveNames(withPreludes(body, readPrelude), header, constants);
  return {
    keys: keys.names,
    args: args.names.slice(1),
    records,
    text: [...shebang, ...code].join('\n') + '\n',
  };
}

function constantsText({ name, about, values }) {
  const lines = values.map(
    ({ key, value, about: what }) => `  /** ${what} */\n  ${camelCase(key)}: ${quote(value)},\n`,
  );
  return `/** ${about} */\nexport const ${name} = {\n${lines.join('')}} as const;\n`;
}

/** Code that lists named values in order. It names each property, because static access costs nothing. */
const listOf = (names) => names.map((name) => `v.${camelCase(name)}`).join(', ');
const valuesOf = (names) => `[${listOf(names)}]`;
const namesType = (names) => names.map((name) => quote(camelCase(name))).join(' | ') || 'never';

function scriptText(name, { keys, args, records, text }) {
  const sha1 = createHash('sha1').update(text).digest('hex');
  const layouts = [...records].map(
    ([record, names]) =>
      `      ${camelCase(record)}: (args: ScriptValue[], v: Values<${namesType(names)}>): void => void args.push(${listOf(names)}),\n`,
  );
  return [
    `  ${camelCase(name)}: {\n    name: ${quote(name)},\n    sha1: ${quote(sha1)},\n`,
    `    keys: (${keys.length > 0 ? 'v' : '_'}: Keys<${namesType(keys)}>): string[] => ${valuesOf(keys)},\n`,
    `    args: (${args.length > 0 ? 'v' : '_'}: Values<${namesType(args)}>): ScriptValue[] => ${valuesOf(args)},\n`,
    `    records: {${layouts.length > 0 ? `\n${layouts.join('')}    ` : ''}},\n`,
    `    text: ${JSON.stringify(text)},\n  },\n`,
  ].join('');
}

/** @param files the Lua files: path in the folder of scripts, and text */
export function generateScripts(files) {
  const codes = readConstants(files.get('codes.lua'));
  const constants = new Map(
    [...codes, ...readConstants(files.get('fields.lua'))].map(({ name, values }) => [
      name,
      new Map(values.map(({ key, value }) => [key, value])),
    ]),
  );
  const readPrelude = (name) => files.get(`prelude/${name}.lua`).trimEnd();
  const scripts = [...files].filter(([path]) => !['.', 'prelude'].includes(dirname(path)));
  const texts = scripts.map(([path, text]) => {
    try {
      return scriptText(basename(path, '.lua'), assemble(text, readPrelude, constants));
    } catch (error) {
      throw new Error(`${path}: ${error.message}`, { cause: error });
    }
  });
  const imports = "import type { Keys, ScriptValue, Values } from './define-script.ts';\n";
  return `${imports}${codes.map(constantsText).join('')}export const lua = {\n${texts.join('')}} as const;\n`;
}
