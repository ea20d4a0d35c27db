// Puts preludes into a script: at its top, where its first line names them (`-- @use time names`), or inside of a function. There
// Lua creates them only when the function is called, and what they define hides what the script has under the same name.
//
// A line is an object: `text`, and inside of such a function `hidden`, the names that it hides.

const DEFINITION = /^ *local function (\w+)/;

export const isComment = (text) => /^\s*(--.*)?$/.test(text);
const indentOf = (text) => /^ */.exec(text)[0].length;
const toLines = (text) => text.split('\n').map((line) => ({ text: line }));

/** A line without its comment, and with its strings emptied: `asynq .. 'retry'` does not call `retry`. */
const codeOf = (text) =>
  text.replace(/(['"])(?:\\.|(?!\1)[^\\])*\1|--.*/g, (found) => (found.startsWith('--') ? '' : "''"));

/**
 * Drops functions of the outermost level that nothing calls: Lua creates all functions of a script anew at each call. A name
 * in a place where it is hidden is no call, nor is a table's key: `{ retry = {} }`.
 */
function dropUncalled(lines) {
  const pad = ' '.repeat(
    Math.min(...lines.filter(({ text }) => !isComment(text)).map(({ text }) => indentOf(text))),
  );
  const functions = lines.flatMap(({ text }, start) => {
    const name = text.startsWith(`${pad}local function `) && DEFINITION.exec(text)[1];
    return name
      ? [{ name, start, end: lines.findIndex((line, i) => i > start && line.text === `${pad}end`) }]
      : [];
  });
  const uncalled = functions.find(({ name, start, end }) => {
    const call = new RegExp(`(?<![\\w.])${name}\\b(?! = )`);
    const isCall = ({ text, hidden }) => !hidden?.has(name) && call.test(codeOf(text));
    return !lines.some((line, i) => (i < start || i > end) && isCall(line));
  });
  return uncalled ? dropUncalled(lines.toSpliced(uncalled.start, uncalled.end - uncalled.start + 1)) : lines;
}

/** The lines with the preludes in their places. */
function expand(lines, readPrelude) {
  const at = lines.findIndex(({ text }) => /^ *-- @use\b/.test(text));
  if (at < 0) return lines;
  const [, pad, names] = /^( *)-- @use\b(.*)$/.exec(lines[at].text);
  const preludes = names
    .split(' ')
    .filter(Boolean)
    .flatMap((name) => expand(toLines(readPrelude(name)), readPrelude))
    .map((line) => ({ ...line, text: line.text && pad + line.text }));
  const before = lines.slice(0, at);
  if (pad === '') return [...before, ...preludes, ...expand(lines.slice(at + 1), readPrelude)];
  const isEnd = ({ text }, i) => i > at && !isComment(text) && indentOf(text) < pad.length;
  const end = lines.findIndex(isEnd);
  const block = dropUncalled([...preludes, ...lines.slice(at + 1, end)]);
  const hidden = new Set(block.map(({ text }) => DEFINITION.exec(text)?.[1]));
  return [...before, ...block.map((line) => ({ ...line, hidden })), ...expand(lines.slice(end), readPrelude)];
}

/** A script with the preludes that it uses, without the functions that it does not call. */
export const withPreludes = (text, readPrelude) => dropUncalled(expand(toLines(text), readPrelude));
