import { expect, test } from 'vitest';
import type { Io } from './io.ts';
import { runCli } from './program.ts';

/** Runs a command line in this process, without a service. */
async function run(line: string) {
  const out: string[] = [];
  const err: string[] = [];
  const io: Io = {
    env: { TASKCENTER_KEY_FILE: '/none' },
    colours: { out: false, err: false },
    errIsTerminal: false,
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    readInput: () => Promise.resolve(new Uint8Array()),
    service: null,
    onSignal: () => () => {},
    exit: () => {},
  };
  const code = await runCli(line.split(' ').filter(Boolean), io);
  return { code, out: out.join('\n'), err: err.join('\n') };
}

const COMMANDS = [
  '',
  'serve',
  'enqueue',
  'tasks',
  'tasks list',
  'tasks show',
  'tasks cancel',
  'tasks delete',
  'queues',
  'queues list',
  'queues pause',
  'queues resume',
  'calendars',
  'calendars list',
  'calendars show',
  'calendars put',
  'calendars delete',
  'broker',
  'receive',
  'keys create',
  'backup',
  'fsck',
];

test.each(COMMANDS)('-h is no option of "%s": a script must not take the help for work', async (command) => {
  const { code, out, err } = await run(`${command} -h`);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toMatch(/unknown option '-h'[^]*--help lists the options/);
  const help = await run(`${command} --help`);
  expect({ code: help.code, err: help.err }).toEqual({ code: 0, err: '' });
  expect(help.out).toContain(`Usage: task-center ${command}`.trim());
});

test.each(['-V', '--version', '-abc', '--id'])('the operand %s is refused with what to do', async (id) => {
  for (const [command, operand] of [
    ['tasks show', 'id'],
    ['tasks cancel', 'id'],
    ['tasks delete', 'id'],
    ['queues pause', 'name'],
    ['queues resume', 'name'],
    ['backup', 'file'],
  ]) {
    const { code, out, err } = await run(`${command} ${id}`);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(`If it is the ${operand}, write -- before it: task-center ${command} -- ${id}\n`);
  }
});

test('behind -- everything is an operand', async () => {
  for (const id of ['-h', '--help', '-V', '-abc']) {
    const { code, err } = await run(`tasks delete -- ${id}`);
    // It gets as far as its key, which is not there.
    expect(code).toBe(1);
    expect(err).toContain('There is no API key');
  }
});

test('an option that is nearly right is corrected, and a command without operands gives no such advice', async () => {
  expect((await run('tasks delete x --queu y')).err).toMatch(
    /Did you mean --queue\?[^]*--help lists the options/,
  );
  for (const line of ['queues list -x', 'serve -x']) expect((await run(line)).err).not.toContain('write --');
});

test('the version is an option of the program alone', async () => {
  expect(await run('--version')).toMatchObject({ code: 0, out: expect.stringMatching(/^\d/) });
});
