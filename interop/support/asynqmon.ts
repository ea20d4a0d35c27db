import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { inject, onTestFinished } from 'vitest';

/** A queue as asynqmon shows it; the names are asynqmon's. */
export interface MonQueue {
  readonly queue: string;
  readonly memory_usage_bytes: number;
  readonly size: number;
  readonly groups: number;
  readonly latency_msec: number;
  readonly active: number;
  readonly pending: number;
  readonly aggregating: number;
  readonly scheduled: number;
  readonly retry: number;
  readonly archived: number;
  readonly completed: number;
  readonly processed: number;
  readonly failed: number;
  readonly paused: boolean;
}

/** A task in a list of asynqmon. */
export interface MonTask {
  readonly id: string;
  readonly type: string;
  readonly payload: string;
  /** Of active tasks: RFC 3339, or `-` if no server reports the task. */
  readonly start_time?: string;
  readonly deadline?: string;
  readonly is_orphaned?: boolean;
}

/** A process of asynqmon, with the HTTP API that its pages use. */
export interface Asynqmon {
  readonly url: string;
  /** Each call rejects with status and text where the status is not 2xx. */
  get<T>(path: string): Promise<T>;
  post<T = unknown>(path: string, body?: object): Promise<T>;
  remove<T = unknown>(path: string): Promise<T>;
  queue(queue: string): Promise<MonQueue>;
  /** Up to 1,000 tasks in a state; for `aggregating` those of a group. */
  tasks(queue: string, state: string, group?: string): Promise<MonTask[]>;
}

async function call(url: string, init: RequestInit): Promise<unknown> {
  const answer = await fetch(url, init);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${answer.status} ${text.trim()}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** The path of the tasks in a state, to which IDs and actions are appended. */
export const tasksPath = (queue: string, state: string, group?: string): string => {
  const groupPath = group === undefined ? '' : `/groups/${encodeURIComponent(group)}`;
  return `/queues/${queue}${groupPath}/${state}_tasks`;
};

/** Starts asynqmon until the end of the test. @param address `host:port`; for a cluster several, with commas */
export async function startAsynqmon(address: string): Promise<Asynqmon> {
  const child = spawn(inject('asynqmon') ?? 'asynqmon', [address], { stdio: ['pipe', 'pipe', 'ignore'] });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) {
      await new Promise((resolve) => child.once('exit', resolve));
    }
  });
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', () => reject(new Error('asynqmon has ended')));
    child.once('error', reject);
  });
  const urlOf = (path: string) => `${url}/api${path}`;
  const get = async <T>(path: string) => (await call(urlOf(path), {})) as T;
  return {
    url,
    get,
    post: async <T>(path: string, body?: object) => {
      const init = body === undefined ? {} : { body: JSON.stringify(body) };
      return (await call(urlOf(path), { method: 'POST', ...init })) as T;
    },
    remove: async <T>(path: string) => (await call(urlOf(path), { method: 'DELETE' })) as T,
    queue: async (queue) => (await get<{ current: MonQueue }>(`/queues/${queue}`)).current,
    tasks: async (queue, state, group) =>
      (await get<{ tasks: MonTask[] }>(`${tasksPath(queue, state, group)}?size=1000`)).tasks,
  };
}
