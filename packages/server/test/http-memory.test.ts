import { connect as connectSocket, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brokerKinds, sqliteKind } from '../../engine/test/support/brokers.ts';
import { testApp, type TestApp } from './support/test-app.ts';

const MIB = 1_024 * 1_024;

/** A connection that reads only when asked. */
class Peer {
  readonly socket: Socket;
  #text = '';

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.socket = connectSocket(Number(port), hostname);
    this.socket.on('error', () => {});
    this.socket.pause();
  }

  /** Resolves when the system has taken all of it. */
  send(...parts: (string | Uint8Array)[]): Promise<void> {
    return new Promise((resolve) => {
      const last = parts.pop()!;
      for (const part of parts) this.socket.write(part);
      this.socket.write(last, () => resolve());
    });
  }

  /** The head of the answer, and what else has come with it. */
  answer(): Promise<string> {
    this.socket.on('data', (chunk: Buffer) => (this.#text += chunk.toString('latin1')));
    return new Promise((resolve) => {
      const look = () => this.#text.includes('\r\n\r\n') && resolve(this.#text);
      this.socket.on('data', look);
      this.socket.on('close', () => resolve(this.#text));
      this.socket.resume();
    });
  }

  /** The status line of the answer. The rest is not read. */
  begun(): Promise<string> {
    return new Promise((resolve) => {
      this.socket.once('readable', () => resolve(String(this.socket.read(12))));
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.socket.closed) return resolve();
      this.socket.once('close', () => resolve());
      this.socket.destroy();
    });
  }
}

interface Bed {
  readonly url: string;
  key(): Promise<string>;
}

const head = (key: string, path: string, lines: readonly string[]) =>
  [`${path} HTTP/1.1`, 'host: localhost', `authorization: Bearer ${key}`, ...lines, '', ''].join('\r\n');

const upload = (key: string, bytes: number) =>
  head(key, 'POST /v1/batches', ['content-type: application/json', `content-length: ${bytes}`]);

const get = ({ url }: Bed, key: string, path: string) =>
  fetch(url + path, { headers: { authorization: `Bearer ${key}` } });

const submit = ({ url }: Bed, key: string, body: string) =>
  fetch(`${url}/v1/batches`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body,
  });

function bodies(bed: () => Bed): void {
  /** Begins six uploads that do not end; together they would take 48 MiB. Returns them, and the refusals that have come. */
  function beginUploads(key: string): { peers: Peer[]; refusals: string[] } {
    const piece = Buffer.alloc(8 * MIB - 1_024, ' ');
    const refusals: string[] = [];
    const peers = Array.from({ length: 6 }, () => new Peer(bed().url));
    for (const peer of peers) {
      void peer.answer().then((text) => refusals.push(text));
      void peer.send(upload(key, 8 * MIB), piece);
    }
    return { peers, refusals };
  }

  test('bodies that have arrived: one key has at most half, and what is small has room for itself', async () => {
    const [one, two, three] = await Promise.all([bed().key(), bed().key(), bed().key()]);
    const uploads = [one, two, three].map(beginUploads);
    const count = () => uploads.map(({ refusals }) => refusals.length);
    // Four have 32 MiB. Large bodies have three quarters in all, which is room for six of 18.
    await expect.poll(() => Math.min(...count()), { timeout: 10_000 }).toBeGreaterThanOrEqual(2);
    await expect.poll(() => count().reduce((a, b) => a + b), { timeout: 10_000 }).toBeGreaterThanOrEqual(12);
    expect(uploads[0]?.refusals[0]).toMatch(
      /^HTTP\/1\.1 503 [^]*"code":"overloaded"[^]*"outcome":"not_stored"/,
    );
    const small = JSON.stringify({ tasks: [{ type: 't' }] });
    expect((await submit(bed(), three, small)).status).toBe(200);
    expect((await submit(bed(), two, small)).status).toBe(200);
    const large = JSON.stringify({ tasks: [{ type: 't', payload_text: 'x'.repeat(200_000) }] });
    await Promise.all(uploads.flatMap(({ peers }) => peers).map((peer) => peer.close()));
    await expect.poll(async () => (await submit(bed(), three, large)).status).toBe(200);
    await expect.poll(async () => (await submit(bed(), one, large)).status).toBe(200);
  });
}

function pages(bed: () => Bed): void {
  test('a page: it has at most 8 MiB of JSON, and pages leave none out', async () => {
    const key = await bed().key();
    const tasks = Array.from({ length: 40 }, () => ({ queue: 'wide' }));
    // A byte that takes six in JSON.
    const defaults = { type: 't', payload_text: '\u0001'.repeat(60_000) };
    expect((await submit(bed(), key, JSON.stringify({ defaults, tasks }))).status).toBe(200);
    const ids = new Set<string>();
    let cursor = '';
    do {
      const text = await (
        await get(bed(), key, `/v1/tasks?queue=wide&state=pending&limit=500&include=payload${cursor}`)
      ).text();
      expect(text.length).toBeLessThanOrEqual(8 * MIB + 4_096);
      const page = JSON.parse(text) as { data: { id: string }[]; next_cursor: string | null };
      for (const { id } of page.data) ids.add(id);
      cursor = page.next_cursor === null ? '' : `&cursor=${page.next_cursor}`;
    } while (cursor !== '');
    expect(ids.size).toBe(40);
  });
}

function answers(bed: () => Bed): void {
  test('answers that are not taken: one key has at most half, and what was stored is never refused for it', async () => {
    const [one, two] = await Promise.all([bed().key(), bed().key()]);
    const tasks = Array.from({ length: 120 }, () => ({ queue: 'pages' }));
    const defaults = { type: 't', payload_text: '\u0001'.repeat(50_000) };
    expect((await submit(bed(), one, JSON.stringify({ defaults, tasks }))).status).toBe(200);
    const peers: Peer[] = [];
    const list = 'GET /v1/tasks?queue=pages&state=pending&limit=500&include=payload,attempts';
    let begun = '';
    while (begun !== 'HTTP/1.1 503' && peers.length < 20) {
      const peer = new Peer(bed().url);
      peers.push(peer);
      // The system takes some megabytes for each connection.
      await peer.send(head(one, list, []).repeat(4));
      begun = await peer.begun();
    }
    expect(begun).toBe('HTTP/1.1 503');
    expect((await get(bed(), two, '/v1/queues')).status).toBe(200);
    expect((await get(bed(), two, '/v1/tasks?queue=pages&state=pending&limit=1')).status).toBe(200);
    expect((await fetch(`${bed().url}/healthz`)).status).toBe(200);
    await Promise.all(peers.map((peer) => peer.close()));
    const path = '/v1/tasks?queue=pages&state=pending&limit=500&include=payload';
    await expect.poll(async () => (await get(bed(), one, path)).status).toBe(200);
  });
}

describe.for(brokerKinds.filter(({ available }) => available))('memory on $name is bounded for', (kind) => {
  let app: TestApp;
  let url: string;

  beforeAll(async () => {
    app = await testApp({ kind });
    url = `http://127.0.0.1:${await app.listen()}`;
  });
  afterAll(() => app.close());

  const bed = (): Bed => ({ url, key: () => app.createKey() });
  // The same on each broker.
  if (kind === sqliteKind) {
    bodies(bed);
    pages(bed);
  }
  answers(bed);
});
