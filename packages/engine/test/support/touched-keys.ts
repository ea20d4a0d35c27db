import { createHash } from 'node:crypto';
import { createClient } from '@redis/client';

/** A line of MONITOR: who sent the command (`lua` = a script), and its words, quoted. */
const LINE = /^[\d.]+ \[\d+ ([^\]]*)\] (.*)$/s;
const WORD = /"((?:[^"\\]|\\.)*)"/gs;
/** Commands with keys as all of their arguments. */
const OF_KEYS = new Set(['DEL', 'EXISTS', 'RENAME']);
/** Commands without a key. */
const WITHOUT_KEYS = new Set(['TIME', 'SCAN']);

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b' };

/** A quoted word as it was sent, a character for each byte. */
function unquote(word: string): string {
  return word.replaceAll(/\\(?:x([0-9a-f]{2})|(.))/g, (_, hex: string | undefined, char: string) =>
    hex === undefined ? (ESCAPES[char] ?? char) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** The hash of the script that a command runs; null for other commands. */
function scriptOf(name: string, [script = '']: readonly string[]): string | null {
  if (name === 'EVALSHA') return script;
  return name === 'EVAL' ? createHash('sha1').update(script, 'latin1').digest('hex') : null;
}

/** The keys that a command of a script names. */
function keysOf(name: string, args: readonly string[]): readonly string[] {
  if (WITHOUT_KEYS.has(name)) return [];
  if (OF_KEYS.has(name)) return args;
  // MEMORY USAGE is the only command with a word before its key.
  return args.slice(name === 'MEMORY' ? 1 : 0).slice(0, 1);
}

/** What one run of a script was given as KEYS, and the keys that its commands have named. */
export interface ScriptRun {
  readonly sha1: string;
  readonly keys: readonly string[];
  readonly touched: Set<string>;
}

export interface KeyRecorder {
  /** The runs so far. */
  readonly runs: readonly ScriptRun[];
  /** Resolves when MONITOR has reported an `ECHO` of this text, and with it everything before. */
  echoed(text: string): Promise<void>;
  close(): void;
}

/** Records by MONITOR which keys scripts name. */
export async function recordKeys(port: number): Promise<KeyRecorder> {
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  const runs: ScriptRun[] = [];
  const echoes = new Map<string, () => void>();
  let current: ScriptRun | null = null;
  client.on('error', () => {});
  await client.connect();
  await client.monitor((line) => {
    const [, sender, command = ''] = LINE.exec(line) ?? [];
    const [first = '', ...args] = [...command.matchAll(WORD)].map(([, word = '']) => unquote(word));
    const name = first.toUpperCase();
    if (sender === 'lua') {
      for (const key of keysOf(name, args)) current?.touched.add(key);
      return;
    }
    if (name === 'ECHO') echoes.get(args[0] ?? '')?.();
    const sha1 = scriptOf(name, args);
    const [, count, ...rest] = args;
    current = sha1 === null ? null : { sha1, keys: rest.slice(0, Number(count)), touched: new Set() };
    if (current) runs.push(current);
  });
  return {
    runs,
    echoed: (text) => new Promise((resolve) => echoes.set(text, resolve)),
    close: () => client.destroy(),
  };
}
