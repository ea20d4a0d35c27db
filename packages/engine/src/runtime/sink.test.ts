import { Writable } from 'node:stream';
import { expect, test, vi } from 'vitest';
import { streamSink } from './sink.ts';

/** A stream whose reader takes nothing until `read` is called, and whose writes fail while `fault` is set. */
function slowStream() {
  const written: string[] = [];
  const waiting: (() => void)[] = [];
  const state = { isReading: false };
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      const take = () => {
        written.push(chunk.toString());
        done();
      };
      if (state.isReading) take();
      else waiting.push(take);
    },
  });
  const read = () => {
    state.isReading = true;
    waiting.splice(0).forEach((take) => take());
  };
  return { stream, read, text: () => written.join('') };
}

const line = (n: number) => `${String(n).padStart(6, '0')} ${'x'.repeat(92)}\n`;

test('text that nobody reads is kept up to 1 MiB, and what was dropped is counted once it is read again', async () => {
  const { stream, read, text } = slowStream();
  const sink = streamSink(stream);
  for (let n = 0; n < 20_000; n += 1) sink.write(line(n));
  expect(sink.takeDropped()).toBe(0);
  read();
  await sink.flush(5_000);
  const kept = text().length / 100;
  expect(kept).toBeGreaterThan(10_000);
  expect(kept).toBeLessThan(10_600);
  expect(sink.takeDropped()).toBe(20_000 - kept);
  expect(sink.takeDropped()).toBe(0);
  expect(text().startsWith(line(0) + line(1))).toBe(true);
});

test('a flush that nobody reads ends after its time', async () => {
  vi.useFakeTimers();
  try {
    const sink = streamSink(slowStream().stream);
    sink.write('text');
    let hasEnded = false;
    const ended = sink.flush(500).then(() => (hasEnded = true));
    await vi.advanceTimersByTimeAsync(499);
    expect(hasEnded).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await ended;
  } finally {
    vi.useRealTimers();
  }
});

test('a reader that has gone is no error, and a flush does not wait for it', async () => {
  const { stream } = slowStream();
  const sink = streamSink(stream);
  const closed = new Promise((resolve) => stream.once('close', resolve));
  stream.destroy(new Error('EPIPE'));
  await closed;
  expect(() => sink.write('line\n')).not.toThrow();
  await sink.flush(60_000);
  expect(sink.takeDropped()).toBe(0);
});
