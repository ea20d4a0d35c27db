import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect, type TaskRecord } from '@task-center/engine';
import { freePort } from '../../../engine/test/support/redis-server.ts';
import { tempFolder, type TempFolder } from '../../../engine/test/support/temp.ts';
import { endAll, startCli, type Cli, type CliOptions } from './cli.ts';

/** A service with a folder of its own, on a free port. */
export interface TestService {
  readonly folder: TempFolder;
  readonly url: string;
  readonly cli: Cli;
  /** The process that serves, a child of `cli`. Resolves when it serves. */
  pid(): Promise<number>;
  call(method: string, path: string, body?: unknown): Promise<Response>;
  /** Submits a callback to a receiver that never answers, and waits until it runs. Its ID is `held`. */
  holdTask(): Promise<void>;
  /** The task `held`, read from the file. The service has ended. */
  heldTask(): Promise<TaskRecord | null>;
}

const cleanUps: (() => void | Promise<void>)[] = [];

/** Ends what tests have left running. */
export async function cleanUp(): Promise<void> {
  await endAll();
  for (const undo of cleanUps.splice(0)) await undo();
}

/** Undoes something after the test. */
export const afterTest = (undo: () => void | Promise<void>): void => void cleanUps.push(undo);

/** A receiver that takes requests and answers none. */
async function silentReceiver() {
  let onRequest = () => {};
  const requested = new Promise<void>((resolve) => (onRequest = resolve));
  const server = createServer(() => onRequest());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterTest(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, requested };
}

/**
 * Folder, port and calls of a service that `start` starts, in whatever way.
 *
 * @param port 0 = any that is free: the banner says it, which the test must then read
 */
export async function testService(
  start: (env: Readonly<Record<string, string>>, folder: TempFolder) => Cli,
  port: number,
): Promise<TestService> {
  const folder = await tempFolder();
  cleanUps.push(() => folder.remove());
  const cli = start({ TASKCENTER_HTTP_PORT: String(port) }, folder);
  const urlOf = () =>
    port === 0 ? (/runs on (http\S+)/.exec(cli.written.err)?.[1] ?? '') : `http://127.0.0.1:${port}`;
  const call = (method: string, path: string, body?: unknown) =>
    fetch(urlOf() + path, {
      method,
      headers: {
        authorization: `Bearer ${readFileSync(folder.file('data/admin.key'), 'utf8').trim()}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  return {
    folder,
    cli,
    call,
    get url() {
      return urlOf();
    },
    async pid() {
      await cli.saw(/Ctrl-C drains and stops it/);
      await cli.saw(/"the service is running"/);
      return Number(/"pid":(\d+)/.exec(cli.written.out)?.[1]);
    },
    async holdTask() {
      const receiver = await silentReceiver();
      const body = { id: 'held', timeout: '60s', callback: { url: receiver.url } };
      const { status } = await call('POST', '/v1/tasks', body);
      if (status !== 201) throw new Error(`not stored: ${status}`);
      await receiver.requested;
    },
    async heldTask() {
      const broker = await connect(`sqlite:${folder.file('data/tasks.db')}`);
      try {
        return await broker.inspect.task({ queue: 'default~cb', id: 'held' });
      } finally {
        await broker.close();
      }
    },
  };
}

/** Starts `task-center serve` as a program of its own. */
export const serveIn = async (options: Omit<CliOptions, 'cwd'> = {}): Promise<TestService> =>
  testService(
    (env, folder) => startCli(['serve'], { ...options, env: { ...env, ...options.env }, cwd: folder.path }),
    options.streams?.err === undefined ? 0 : await freePort(),
  );
