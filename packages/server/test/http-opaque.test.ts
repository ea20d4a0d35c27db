import type { Broker } from '@task-center/engine';
import { routeList } from '@task-center/api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brokerKinds, type TestStore } from '../../engine/test/support/brokers.ts';
import { testApp, type TestApp } from './support/test-app.ts';

/** Part of every foreign name: nothing of it may reach a key that is bound to another business. */
const CANARY = 'canary';

/** A text, and what its parts are when they are decoded as base64. */
const decoded = (text: string): string =>
  [text, ...(text.match(/[\w+/-]{16,}/g) ?? []).map((part) => Buffer.from(part, 'base64').toString('latin1'))]
    .flatMap((part) => [
      part,
      ...(part.match(/[\w+/-]{16,}/g) ?? []).map((inner) => Buffer.from(inner, 'base64').toString('latin1')),
    ])
    .join('\n');

for (const kind of brokerKinds)
  describe.skipIf(!kind.available)(`on ${kind.name}`, () => {
    let app: TestApp;
    let place: TestStore;
    let broker: Broker;
    let bound: string;
    const states = ['scheduled', 'pending'] as const;

    beforeAll(async () => {
      place = await kind.createStore();
      broker = await place.connect();
      app = await testApp({ broker });
      bound = await app.createKey({ businesses: ['shop-a'], role: 'operator' });
    });
    afterAll(async () => {
      await app.close();
      await place.remove();
    });

    const store = (business: string | null, task: { id: string; queue: string; delayMs?: number }) =>
      app.store({
        ...task,
        ...(business !== null && { id: `${business}.${task.id}`, meta: { business } }),
      });
    const list = async (path: string, key = bound) => (await app.call('GET', path, { key })).json;
    const idsOf = ({ data }: { data: { id: string }[] }) => data.map(({ id }) => id);

    describe('a cursor', () => {
      const path = '/v1/tasks?queue=shared&limit=1';
      beforeAll(async () => {
        for (const delayMs of [0, 3_600_000])
          for (const [i, business] of ['shop-a', `${CANARY}-b`, 'shop-a', `${CANARY}-c`, 'shop-a'].entries())
            await store(business, {
              id: `${business === 'shop-a' ? 'mine' : CANARY}-${i}-${delayMs}`,
              queue: 'shared',
              delayMs,
            });
      });

      test.each(states)('of %s tasks shows nothing of what others have', async (state) => {
        let cursor = '';
        const seen: string[] = [];
        for (let pages = 0; pages < 10; pages += 1) {
          const page = await list(`${path}&state=${state}${cursor}`);
          seen.push(...idsOf(page));
          expect(decoded(JSON.stringify(page))).not.toContain(CANARY);
          if (page.next_cursor === null) break;
          cursor = `&cursor=${page.next_cursor}`;
        }
        expect(seen).toHaveLength(3);
      });

      test('has a length that does not depend on the IDs in it, up to the next 64 bytes', async () => {
        const lengths: number[] = [];
        for (const length of [1, 9, 17]) {
          const [id, queue] = ['i'.repeat(length), `length-${length}`];
          await store(null, { id, queue });
          await store(null, { id: `${id}2`, queue });
          const { next_cursor } = (await app.call('GET', `/v1/tasks?queue=${queue}&state=pending&limit=1`))
            .json;
          lengths.push(Buffer.from(next_cursor, 'base64url').length);
        }
        expect(lengths[1]).toBe(lengths[0]);
        // A nonce of 12 bytes and a tag of 16 are beside the position.
        expect(lengths.map((length) => (length - 28) % 64)).toEqual([0, 0, 0]);
      });

      test('that was changed anywhere is malformed', async () => {
        const { next_cursor } = await list(`${path}&state=pending`);
        for (const at of [0, 5, 16, 30, next_cursor.length - 2]) {
          const other = next_cursor[at] === 'A' ? 'B' : 'A';
          const changed = next_cursor.slice(0, at) + other + next_cursor.slice(at + 1);
          expect(await list(`${path}&state=pending&cursor=${changed}`)).toMatchObject({
            status: 400,
            code: 'malformed',
            parameter: 'cursor',
          });
        }
      });

      test.each([
        ['of the version before', Buffer.from('["x",99999999999999,0,null]').toString('base64url')],
        ['that is too short', 'AAAA'],
        ['that is no base64', '%C3%A9'],
      ])('%s is malformed', async (_, cursor) => {
        const answer = await list(`${path}&state=pending&cursor=${cursor}`);
        expect(answer).toMatchObject({ status: 400, code: 'malformed', parameter: 'cursor' });
        expect(answer.detail).toContain('start the list again');
      });

      test('is valid for every instance on the broker', async () => {
        const other = await testApp({ broker: await place.connect().catch(() => broker) });
        const { next_cursor } = await list(`${path}&state=pending`);
        const answer = await other.call('GET', `${path}&state=pending&cursor=${next_cursor}`, { key: bound });
        expect(answer.status).toBe(200);
      });
    });

    describe('a page for a key with businesses', () => {
      test('goes on over the tasks of others', async () => {
        for (let i = 0; i < 60; i += 1) await store(`${CANARY}-b`, { id: `f${i}`, queue: 'busy' });
        await store('shop-a', { id: 'after-them', queue: 'busy' });
        const page = await list('/v1/tasks?queue=busy&state=pending&limit=5');
        expect(idsOf(page)).toEqual(['after-them']);
        expect(page).toMatchObject({ next_cursor: null, total: null, scanned: null });
      });

      test('ends where another page begins, each task once', async () => {
        for (let i = 0; i < 9; i += 1)
          await store(i % 3 === 0 ? `${CANARY}-b` : 'shop-a', { id: `m${i}`, queue: 'mixed' });
        const first = await list('/v1/tasks?queue=mixed&state=pending&limit=4');
        const second = await list(`/v1/tasks?queue=mixed&state=pending&limit=4&cursor=${first.next_cursor}`);
        expect(idsOf(first)).toEqual(['m1', 'm2', 'm4', 'm5']);
        expect(idsOf(second)).toEqual(['m7', 'm8']);
        expect(second.next_cursor).toBeNull();
      });
    });

    describe('a queue', () => {
      beforeAll(async () => {
        await store(`${CANARY}-b`, { id: 'x', queue: `${CANARY}-only` });
        await store(null, { id: 'x', queue: `${CANARY}-plain` });
        await store('shop-a', { id: 'x', queue: 'mine-callbacks~cb' });
        await store('shop-a', { id: 'x', queue: 'mine-once' });
        const taken = { queues: ['mine-once'], room: 1, leaseMs: 9_000, worker: 'w' };
        const { tasks } = await broker.consume.exchange({ ...taken, finishes: [] });
        const record = { number: 1, startedMs: 0, finishedMs: 1, outcome: 'succeeded' } as const;
        const finishes = tasks.map((task) => ({ task, outcome: 'revoked', record }) as const);
        await broker.consume.exchange({ ...taken, finishes });
      });

      test('is listed for a key with businesses if it is built in or ever held a task of theirs', async () => {
        const { data, total } = await list('/v1/queues');
        const names = data.map(({ name }: { name: string }) => name);
        expect(names).toEqual(expect.arrayContaining(['default', 'mine-callbacks', 'mine-once']));
        expect(names.join()).not.toContain(CANARY);
        expect(total).toBe(names.length);
      });

      test('that only others use is found by no key with businesses, as one that does not exist', async () => {
        for (const name of [`${CANARY}-only`, `${CANARY}-plain`]) {
          const hidden = await list(`/v1/queues/${name}`);
          const missing = await list('/v1/queues/no-such-queue');
          const shape = (problem: object, shown: string) =>
            JSON.stringify({ ...problem, request_id: '' }).replaceAll(shown, '');
          expect(hidden).toMatchObject({ status: 404, code: 'not-found' });
          expect(shape(hidden, name)).toBe(shape(missing, 'no-such-queue'));
          const [tasks, none] = [
            await list(`/v1/tasks?queue=${name}&state=pending`),
            await list('/v1/tasks?queue=no-such-queue&state=pending'),
          ];
          expect(tasks).toEqual(none);
        }
        expect((await list('/v1/queues/mine-once')).name).toBe('mine-once');
        expect((await app.call('GET', `/v1/queues/${CANARY}-only`)).status).toBe(200);
      });
    });

    test('no operation shows a key with businesses what others have', async () => {
      const parts = { id: `${CANARY}-x`, name: 'default' } as Record<string, string>;
      await store(`${CANARY}-b`, { id: `${CANARY}-x`, queue: 'default' });
      await store(null, { id: `${CANARY}-x`, queue: 'default' });
      for (const { method, path } of routeList) {
        const filled = path.replace(/\{(\w+)\}/g, (_, part: string) => parts[part] ?? 'default');
        const query = path === '/v1/tasks' && method === 'GET' ? '?queue=default&state=pending' : '';
        const { text, headers } = await app.call(method, filled + query, { key: bound });
        const shown = decoded(`${text}${JSON.stringify([...headers])}`).replaceAll(filled, '');
        expect(shown, `${method} ${path}`).not.toContain(CANARY);
      }
    });
  });
