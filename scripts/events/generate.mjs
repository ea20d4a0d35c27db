// The events of the engine as tables, one per area, from the interfaces that declare them.

/** Where an event is declared: its documentation, its name, and its fields or the type that has them. */
const EVENT = /^ {2}\/\*\*([\s\S]*?)\*\/\n {2}'([a-z.]+)': ([\s\S]*?)(?=^ {2}\/\*\*|^})/gm;
const AREA = /^\/\*\* (.*?) \*\/\nexport interface (\w+Events) \{\n([\s\S]*?^})/gm;
const FIELD = /^ {4}readonly (\w+)\??:/gm;

/** Documentation as one line: without stars, and without `Emitted` at its start. */
function textOf(comment) {
  const text = comment
    .split('\n')
    .map((line) => line.replace(/^\s*\*? ?/, '').trim())
    .filter(Boolean)
    .join(' ')
    .replace(/^Emitted /, '')
    .replaceAll('|', '\\|');
  return text[0].toUpperCase() + text.slice(1);
}

function fieldsOf(type) {
  const own = [...type.matchAll(FIELD)].map(([, name]) => name);
  if (type.startsWith('TaskRef')) own.unshift('queue', 'id');
  const inline = /^\{ (.*) \};/.exec(type);
  if (inline) own.push(...[...inline[1].matchAll(/readonly (\w+):/g)].map(([, name]) => name));
  return own;
}

/** @param sources texts of the files that declare events */
export function eventAreas(sources) {
  return sources.flatMap((source) =>
    [...source.matchAll(AREA)].map(([, title, , body]) => ({
      title,
      events: [...body.matchAll(EVENT)].map(([, comment, name, type]) => ({
        name,
        text: textOf(comment),
        fields: fieldsOf(type),
      })),
    })),
  );
}

/** Table cells are padded as Prettier pads them. */
function table(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => [...row[i]].length)));
  const line = (cells) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
  const [head, ...rest] = rows;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rest.map(line)].join('\n');
}

export function eventsPage(sources) {
  const areas = eventAreas(sources).map(({ title, events }) => {
    const rows = events.map(({ name, text, fields }) => [
      `\`${name}\``,
      text,
      fields.map((field) => `\`${field}\``).join(' '),
    ]);
    return `## ${title.replace(/\.$/, '')}\n\n${table([['Event', 'When', 'Fields'], ...rows])}\n`;
  });
  return `${HEAD}\n${areas.join('\n')}`;
}

const HEAD = `<!-- Made by scripts/generate.mjs; do not edit. -->

# Events of the engine

What happens in an engine is emitted once, in the process in which it happens. Metrics, history and your own code listen:

\`\`\`ts
import { connect, Events, Worker } from '@task-center/engine';

const events = new Events();
events.on('attempt.finished', ({ type, outcome, runMs }) => observe(type, outcome, runMs));
const broker = await connect(url, { runtime: { events } }); // also for the workers and clients that are given this broker
\`\`\`

- \`on\` returns a function that removes the listener. One that throws or rejects is logged and harms nothing.
- An event without a listener costs nothing: it is not built, and nothing is measured for it.
- Listeners are called at once, on the path of the tasks, up to 100,000 times a second: count in them, and do the rest later.
- Names of queues are stored names: \`orders\` for handlers, \`orders~cb\` for callbacks. Times are in ms. No event has a payload or a result.
- The type \`EngineEvents\` documents each field.
`;
