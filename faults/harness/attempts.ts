import type { Line } from './history.ts';

type Outcome = Extract<Line, { e: 'told' }>['outcome'];

/** An attempt as its process wrote it down. Times: ms of CLOCK_MONOTONIC. */
export interface Attempt {
  readonly id: string;
  readonly member: string;
  readonly number: number;
  readonly queue: string;
  readonly start: number;
  end?: { readonly t: number; readonly outcome: 'ok' | 'fail' | 'aborted' };
  abort?: { readonly t: number; readonly cause: string };
  /** What the broker took. */
  told?: { readonly t: number; readonly outcome: Outcome };
}

/** How a process went: `asked` = the test did it. */
export interface Gone {
  readonly t: number;
  readonly asked: boolean;
}

/** All that members have written, in order, by what it is about. */
export interface Events {
  /** Of each task, in the order of their starts. */
  readonly byTask: ReadonlyMap<string, readonly Attempt[]>;
  readonly gone: ReadonlyMap<string, Gone>;
  readonly leaseMs: ReadonlyMap<string, number>;
  /** Starts of renewals, by member and queue, in order. */
  readonly renewals: ReadonlyMap<string, readonly number[]>;
  /** When a member that hung gave up all its leases, in order. */
  readonly releases: ReadonlyMap<string, readonly number[]>;
}

export const renewalsKey = (member: string, queue: string): string => `${member} ${queue}`;

const attemptKey = (line: { member: string; id: string; attempt: number }) =>
  `${line.member} ${line.attempt} ${line.id}`;

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

/** Members that were killed are gone from the moment of the kill; others when their end was seen. */
function goneMembers(lines: readonly Line[]): Map<string, Gone> {
  const killed = new Map<string, number>();
  const gone = new Map<string, Gone>();
  for (const line of lines) {
    if (line.e === 'fault' && line.what === 'SIGKILL')
      for (const member of line.of) killed.set(member, line.t);
    if (line.e === 'exit') gone.set(line.of, { t: killed.get(line.of) ?? line.t, asked: line.asked });
  }
  return gone;
}

/** @param lines of all members and the test, in the order of their times */
export function eventsOf(lines: readonly Line[]): Events {
  const byTask = new Map<string, Attempt[]>();
  const open = new Map<string, Attempt[]>();
  const leaseMs = new Map<string, number>();
  const renewals = new Map<string, number[]>();
  const releases = new Map<string, number[]>();
  for (const line of lines) {
    const { t, member } = line;
    if (line.e === 'working') leaseMs.set(member, line.leaseMs);
    else if (line.e === 'renewed') push(renewals, renewalsKey(member, line.queue), line.since);
    else if (line.e === 'released') push(releases, member, line.at);
    else if (line.e === 'start') {
      const { id, attempt: number, queue } = line;
      const attempt: Attempt = { id, member, number, queue, start: t };
      push(open, attemptKey(line), attempt);
      push(byTask, id, attempt);
    } else if (line.e === 'end' || line.e === 'abort' || line.e === 'told') {
      // More than one only where the broker has forgotten the first: they end in their order.
      const all = open.get(attemptKey(line)) ?? [];
      const attempt = all.find((one) => one[line.e] === undefined) ?? all.at(-1);
      if (!attempt) continue;
      if (line.e === 'end') attempt.end ??= { t, outcome: line.outcome };
      else if (line.e === 'abort') attempt.abort ??= { t, cause: line.cause };
      else attempt.told ??= { t, outcome: line.outcome };
    }
  }
  return { byTask, gone: goneMembers(lines), leaseMs, renewals, releases };
}
