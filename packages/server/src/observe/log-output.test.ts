import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { createLogOutput } from './log-output.ts';
import { createLog } from './logs.ts';

const config = { log: { level: 'info' }, roles: ['api'] } as const;

/** A stream whose reader takes nothing until `read` is called. */
function slowStream() {
  const written: string[] = [];
  let resume: (() => void) | null = null;
  let isReading = false;
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk.toString());
      if (isReading) done();
      else resume = done;
    },
  });
  const read = async () => {
    isReading = true;
    const drained = new Promise((done) => stream.once('drain', done));
    resume?.();
    await drained;
  };
  return { stream, written, read };
}

test('lines that nobody reads are kept up to 1 MiB, and their number is told when they are read again', async () => {
  const { stream, written, read } = slowStream();
  const log = createLog(config, '1.2.3', createLogOutput(stream));
  for (let n = 0; n < 20_000; n += 1) log.info({ task_id: `task-${n}` }, 'a line of a hundred bytes or so');
  expect(stream.writableLength).toBeLessThan(1_100_000);
  await read();
  log.info({}, 'after');
  const lines = written.map((line) => JSON.parse(line) as { msg: string; count?: number });
  expect(lines.at(-1)?.msg).toBe('after');
  const notice = lines.at(-2);
  expect(notice?.msg).toMatch(/were dropped/);
  expect(notice?.count).toBe(20_000 - (lines.length - 2));
});

test('a reader that has gone is no error', async () => {
  const { stream } = slowStream();
  const output = createLogOutput(stream);
  const closed = new Promise((resolve) => stream.once('close', resolve));
  stream.destroy(new Error('EPIPE'));
  await closed;
  expect(() => output.write('line\n')).not.toThrow();
  expect(output.takeDropped()).toBe(0);
});
