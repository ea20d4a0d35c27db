import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseApiKey } from '@task-center/api';
import { connect, type Broker } from '@task-center/engine';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { claimFirstKey } from '../src/auth/first-key.ts';
import { findKeyRecord, secretHash } from '../src/auth/key-record.ts';

let folder: string;
let broker: Broker;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'task-center-key-'));
  broker = await connect(`sqlite:${join(folder, 'tasks.db')}`);
});
afterEach(async () => {
  await broker.close();
  await rm(folder, { recursive: true, force: true });
});

const claim = (path: string, on: Pick<Broker, 'documents'> = broker) => claimFirstKey(on, path, Date.now());
const fileIn = (...parts: string[]) => join(folder, ...parts);
const keyIn = async (path: string) => parseApiKey((await readFile(path, 'utf8')).trim());

describe('the first start on a broker', () => {
  test('creates a key, writes it to a file that only its owner can read, and stores its hash', async () => {
    const path = fileIn('data', 'admin.key');
    const first = await claim(path);
    expect(first).toMatchObject({ path, created: true });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(fileIn('data'))).toEqual(['admin.key']);
    const key = parseApiKey(first.key ?? '');
    expect(await keyIn(path)).toEqual(key);
    const record = await findKeyRecord(broker, key?.id ?? '');
    expect(record).toMatchObject({
      role: 'admin',
      secret_sha256: secretHash(key?.secret ?? ''),
      businesses: null,
    });
    expect(JSON.stringify(await broker.documents.list('claim'))).not.toContain(key?.secret);
  });

  test('is the only one that creates a key', async () => {
    const path = fileIn('admin.key');
    await claim(path);
    expect(await claim(path)).toEqual({ path, created: false });
    expect(await broker.documents.list('api-key')).toHaveLength(1);
  });

  test('uses the key in the folder, for example with a second broker', async () => {
    const path = fileIn('admin.key');
    const first = await claim(path);
    const other = await connect(`sqlite:${fileIn('other.db')}`);
    try {
      expect(await claim(path, other)).toMatchObject({ created: true, key: first.key });
    } finally {
      await other.close();
    }
  });

  test('of several instances at once creates one key, and the others leave no file', async () => {
    const paths = Array.from({ length: 6 }, (_, i) => fileIn(`d${i}`, 'admin.key'));
    const firsts = await Promise.all(paths.map((path) => claim(path)));
    expect(firsts.filter(({ created }) => created)).toHaveLength(1);
    expect(await broker.documents.list('api-key')).toHaveLength(1);
    const left = await Promise.all(paths.map((path) => readFile(path, 'utf8').catch(() => null)));
    expect(left.filter((text) => text !== null)).toHaveLength(1);
    expect(firsts.filter(({ path }) => path !== null)).toHaveLength(1);
  });

  test('of several instances that share a folder creates one key for all of them', async () => {
    const path = fileIn('shared', 'admin.key');
    const firsts = await Promise.all(Array.from({ length: 6 }, () => claim(path)));
    expect(firsts.filter(({ created }) => created)).toHaveLength(1);
    const key = await keyIn(path);
    expect(await findKeyRecord(broker, key?.id ?? '')).not.toBeNull();
    expect(await readdir(fileIn('shared'))).toEqual(['admin.key']);
  });

  test('keeps the file that it wrote if another instance claimed first with the key in it', async () => {
    const path = fileIn('shared', 'admin.key');
    let otherClaim: unknown;
    const slow: Pick<Broker, 'documents'> = {
      documents: {
        ...broker.documents,
        async put(...call) {
          otherClaim ??= await claim(path);
          return broker.documents.put(...call);
        },
      },
    };
    expect(await claim(path, slow)).toEqual({ path, created: false });
    expect(otherClaim).toMatchObject({ path, created: true });
    const key = await keyIn(path);
    expect(await findKeyRecord(broker, key?.id ?? '')).not.toBeNull();
  });
});

test.each([1, 2, 3])('a start that dies after %d writes is finished by the next one', async (writes) => {
  const path = fileIn('admin.key');
  let left = writes - 1;
  const dying: Pick<Broker, 'documents'> = {
    documents: {
      get: (...call) => broker.documents.get(...call),
      list: (...call) => broker.documents.list(...call),
      remove: (...call) => broker.documents.remove(...call),
      async put(...call) {
        if (left === 0) throw new Error('killed');
        left -= 1;
        return broker.documents.put(...call);
      },
    },
  };
  await expect(claim(path, dying)).rejects.toThrow('killed');
  await claim(path);
  const key = await keyIn(path);
  expect(await findKeyRecord(broker, key?.id ?? '')).not.toBeNull();
  expect((await broker.documents.get('claim', 'first-key'))?.value).toMatchObject({
    state: 'done',
    id: key?.id,
  });
});

describe('a key file', () => {
  test('with other content is not overwritten', async () => {
    const path = fileIn('admin.key');
    await writeFile(path, 'my notes');
    await expect(claim(path)).rejects.toThrow(/does not hold an API key/);
    expect(await readFile(path, 'utf8')).toBe('my notes');
  });

  test('below a plain file is refused with its path', async () => {
    await writeFile(fileIn('plain'), '');
    await expect(claim(fileIn('plain', 'admin.key'))).rejects.toThrow(/plain/);
    await mkdir(fileIn('folder'));
    await expect(claim(fileIn('folder'))).rejects.toThrow(/cannot be read/);
    expect(await broker.documents.list('claim')).toEqual([]);
  });
});
