/** What was seen on the wire, and what became of it: the table in docs/callbacks.md. */
import type { Socket } from 'node:net';
import { systemClock } from '@task-center/engine';
import { beforeAll, describe, expect, test } from 'vitest';
import { settle } from '../../engine/test/support/fake-clock.ts';
import {
  createDeliverer,
  type Delivered,
  type DelivererDeps,
  type DeliverLimits,
} from '../src/callbacks/deliver.ts';
import { outcomeOf } from '../src/callbacks/outcome.ts';
import { closeLater, requestServer, reset, slowLine, urlOf } from './support/receivers.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
/** Time for exchanges that wait until it is over (it is ended by hand), and for the others, which end long before. */
const WAIT_MS = 1_000;
const MAX_MS = 30_000;

interface Row {
  readonly seen: string;
  /** What the receiver does. */
  readonly does: (socket: Socket) => unknown;
  /** The status that was read, or the class of the fault. */
  readonly is: number | string;
  /** In the message of the fault, or in the note. */
  readonly says?: string;
  /** Whether the request is sent again. Default false. */
  readonly again?: true;
  /** Whether the exchange waits until its time is over. */
  readonly waits?: true;
}

const send = (text: string) => (socket: Socket) => socket.write(text);
const sendAndEnd = (text: string) => (socket: Socket) => socket.end(text);
const sendAndReset = (text: string) => (socket: Socket) => socket.write(text, () => reset(socket));
/** Writes until the other side has gone. */
function sendForEver(start: string, more: string) {
  return (socket: Socket) => {
    const next = () => socket.writable && socket.write(more.repeat(1_000), next);
    socket.write(start, next);
  };
}

/** Whatever connection the request went out on. */
const ROWS: readonly Row[] = [
  {
    seen: 'part of a status line, then the end',
    does: sendAndEnd('HTTP/1.1 2'),
    is: 'reset',
    says: '"HTTP/1.1 2"',
  },
  { seen: 'part of a status line, then a reset', does: sendAndReset('HTTP/1.1 2'), is: 'reset' },
  {
    seen: 'part of a status line',
    does: send('HTTP/1.1 2'),
    is: 'timeout',
    says: '"HTTP/1.1 2" (limit 1000 ms)',
    waits: true,
  },
  {
    seen: 'nothing',
    does: () => undefined,
    is: 'timeout',
    says: 'no answer in time (limit 1000 ms)',
    waits: true,
  },
  { seen: 'another protocol', does: send('220 mail ESMTP\r\n'), is: 'protocol', says: '220 mail ESMTP' },
  { seen: 'frames of HTTP/2', does: send('\0\0\x12\x04\0\0\0\0\0'), is: 'protocol', says: '\\u0000' },
  {
    seen: 'a status of two digits',
    does: send('HTTP/1.1 20 OK\r\n\r\n'),
    is: 'protocol',
    says: 'HTTP/1.1 20 OK',
  },
  { seen: '101', does: send('HTTP/1.1 101 Switching Protocols\r\n\r\n'), is: 'protocol', says: '101' },
  { seen: '100, then the end', does: sendAndEnd('HTTP/1.1 100 Continue\r\n\r\n'), is: 'reset' },
  { seen: '100, then an answer', does: send(`HTTP/1.1 100 Continue\r\n\r\n${OK}`), is: 200 },
  {
    seen: '102 and 103, then an answer',
    does: send(`HTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 E\r\na: b\r\n\r\n${OK}`),
    is: 200,
  },
  {
    seen: 'interim answers without an end',
    does: sendForEver('', 'HTTP/1.1 102 Processing\r\n\r\n'),
    is: 'protocol',
    says: 'its interim answers (1xx) are over 65536 bytes',
  },
  {
    seen: 'an interim answer with headers that do not end',
    does: sendForEver('HTTP/1.1 103 Early Hints\r\n', 'x: y\r\n'),
    is: 'protocol',
    says: 'its interim answers (1xx) are over 65536 bytes',
  },
  {
    seen: '200 and a reset in the headers',
    does: sendAndReset('HTTP/1.1 200 OK\r\nx: '),
    is: 200,
    says: 'in its headers, after 20 bytes',
  },
  {
    seen: '200 and no more',
    does: send('HTTP/1.1 200 OK\r\n'),
    is: 200,
    says: 'did not end in time (limit 1000 ms)',
    waits: true,
  },
  {
    seen: '503 and the end in the headers',
    does: sendAndEnd('HTTP/1.1 503 No\r\nretry-after: 7\r\nx'),
    is: 503,
    says: 'in its headers',
  },
  {
    seen: '200 with 20 KiB of headers',
    does: send(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(20_480)}\r\ncontent-length: 0\r\n\r\n`),
    is: 200,
  },
  {
    seen: '200 with headers that do not end',
    does: sendForEver('HTTP/1.1 200 OK\r\n', 'x: y\r\n'),
    is: 200,
    says: 'limit 65536 bytes',
  },
  {
    seen: '503 with headers that do not end',
    does: sendForEver('HTTP/1.1 503 No\r\n', 'x: y\r\n'),
    is: 503,
    says: 'limit 65536 bytes',
  },
  {
    seen: '200 and a header that is none',
    does: send('HTTP/1.1 200 OK\r\nno header\r\n\r\n'),
    is: 200,
    says: 'a header line is not valid: "no header"',
  },
  {
    seen: '200 and a length that is none',
    does: send('HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n'),
    is: 200,
    says: 'content-length is not a number: "-1"',
  },
  {
    seen: '200 and two lengths',
    does: send('HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nok'),
    is: 200,
    says: '"1, 2"',
  },
  {
    seen: '200 and a body without an end',
    does: sendForEver('HTTP/1.1 200 OK\r\n\r\n', 'x'.repeat(64)),
    is: 200,
    says: 'limit 1048576 bytes',
  },
  {
    seen: '503 and a body without an end',
    does: sendForEver('HTTP/1.1 503 No\r\n\r\n', 'x'.repeat(64)),
    is: 503,
    says: 'limit 1048576 bytes',
  },
  {
    seen: '200 and a body that stops',
    does: send('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\npart'),
    is: 200,
    says: 'after 4 of 9 bytes: it did not end in time (limit 1000 ms)',
    waits: true,
  },
  {
    seen: '429 and a body that stops',
    waits: true,
    does: send('HTTP/1.1 429 Slow\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart'),
    is: 429,
    says: 'after 4 bytes',
  },
  {
    seen: '200 and a body that ends too early',
    does: sendAndEnd('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\npart'),
    is: 200,
    says: 'after 4 of 9 bytes: the connection was closed',
  },
  {
    seen: '200 and a reset in the body',
    does: sendAndReset('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\npart'),
    is: 200,
    says: 'after 4 of 9 bytes: ',
  },
  {
    seen: '200 and a chunk without a size',
    does: send('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\nzz\r\n'),
    is: 200,
    says: 'after 4 bytes: the size of a chunk is not valid: "zz"',
  },
  {
    seen: '200 and a chunk longer than its size',
    does: send('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\npart\r\n'),
    is: 200,
    says: 'a chunk is longer than its size',
  },
  {
    seen: '200 and a chunk whose size has many zeros in front',
    does: send(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${'0'.repeat(20)}2\r\nok\r\n0\r\n\r\n`),
    is: 200,
  },
  { seen: '200 and a body up to the end', does: sendAndEnd('HTTP/1.1 200 OK\r\n\r\nok'), is: 200 },
  { seen: '200 of HTTP/1.0', does: sendAndEnd('HTTP/1.0 200 OK\r\n\r\nok'), is: 200 },
  { seen: '200 with bare line feeds', does: send('HTTP/1.1 200 OK\ncontent-length: 2\n\nok'), is: 200 },
];
/** Only on a connection that no request went over before. */
const NEW: readonly Row[] = [
  {
    seen: 'the end',
    does: (socket) => socket.end(),
    is: 'reset',
    says: 'the connection was closed without an answer',
  },
  { seen: 'a reset', does: reset, is: 'reset', says: 'ECONNRESET' },
];
/** Only on a connection that has served a request before. */
const KEPT: readonly Row[] = NEW.map(({ seen, does }) => ({
  seen,
  does,
  is: 200,
  says: 'sent again',
  again: true,
}));

interface Trial {
  readonly delivered: Delivered;
  /** How often the receiver got the request. */
  readonly sent: number;
}

const limitsOf = (totalMs: number): DeliverLimits => ({ connectMs: MAX_MS, totalMs });

/** A clock whose timers of `WAIT_MS` fire when `endWait` is called. */
function createWaitClock() {
  let endWait: () => void = () => undefined;
  const clock: DelivererDeps['clock'] = {
    monotonicMs: () => systemClock.monotonicMs(),
    after(ms, act) {
      if (ms !== WAIT_MS) return systemClock.after(ms, act);
      endWait = act;
      return systemClock.after(MAX_MS, act).unref();
    },
  };
  return { clock, endWait: () => endWait() };
}

/** Delivers one request to a receiver that does this with it. */
async function trialOf(row: Row, isKept: boolean, delayMs: number): Promise<Trial> {
  const first = isKept ? 2 : 1;
  let sent = 0;
  const { clock, endWait } = createWaitClock();
  const port = await requestServer((socket, nth) => {
    if (nth >= first) sent += 1;
    if (nth !== first) return socket.write(OK);
    row.does(socket);
    // All ends of the line are in this process: what is on its way has arrived when this timer fires.
    return setTimeout(() => void settle().then(endWait), 3 * delayMs + 20);
  });
  const url = urlOf(delayMs > 0 ? await slowLine(port, delayMs) : port);
  const deliverer = createDeliverer({ concurrency: 10, clock });
  closeLater(() => deliverer.close());
  const headers = { 'webhook-id': 'dlv_1' };
  const request = { url, method: 'POST', headers, body: Buffer.from('{}') } as const;
  if (isKept) await deliverer.deliver(request, limitsOf(MAX_MS));
  const delivered = await deliverer.deliver(request, limitsOf(row.waits ? WAIT_MS : MAX_MS));
  return { delivered, sent };
}

/** The message of a failure, and the note. */
function textOf(delivered: Delivered): string {
  const outcome = outcomeOf(delivered, 0);
  return `${outcome.ok ? '' : outcome.message} ${outcome.note ?? ''}`;
}

/** Ways to a receiver. */
const WAYS = [
  { line: 'loopback', delayMs: 0, connection: 'new', rows: [...ROWS, ...NEW] },
  { line: 'loopback', delayMs: 0, connection: 'kept', rows: [...ROWS, ...KEPT] },
  { line: 'a slow line', delayMs: 20, connection: 'new', rows: [...ROWS, ...NEW] },
  { line: 'a slow line', delayMs: 20, connection: 'kept', rows: [...ROWS, ...KEPT] },
];

let trials: ReadonlyMap<string, Trial>;
beforeAll(async () => {
  const all = WAYS.flatMap((way) => way.rows.map((row) => ({ way, row })));
  const entries = all.map(async ({ way: { line, delayMs, connection }, row }) => {
    const trial = await trialOf(row, connection === 'kept', delayMs);
    return [`${line} ${connection} ${row.seen}`, trial] as const;
  });
  trials = new Map(await Promise.all(entries));
});

describe.each(WAYS)('over $line, on a $connection connection', ({ line, connection, rows }) => {
  test.each(rows)('$seen: $is', (row) => {
    const { delivered, sent } = trials.get(`${line} ${connection} ${row.seen}`) as Trial;
    expect(delivered.answer?.status ?? delivered.fault?.class).toBe(row.is);
    expect(sent).toBe(row.again ? 2 : 1);
    expect(textOf(delivered)).toContain(row.says ?? '');
    const { ok, note } = outcomeOf(delivered, 0);
    expect(ok).toBe(typeof row.is === 'number' && row.is < 300);
    if (row.says === undefined) expect(note).toBeNull();
  });
});
