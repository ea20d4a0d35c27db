import type { Line } from './history.ts';

type Outcome = Extract<Line, { e: 'finished' }>['outcome'];

/** An attempt as its process recorded it. Times: ms of CLOCK_MONOTONIC. */
export interface Attempt {
  readonly id: string;
  readonly member: string;
  readonly number: number;
  readonly queue: string;
  readonly start: number;
  end?: { readonly t: number; readonly outcome: 'ok' | 'fail' | 'aborted' };
  abort?: { readonly t: number; readonly cause: string };
  /** The outcome that the broker answered; `lost` = it refused the end, as the lease was gone. */
  finished?: { readonly t: number; readonly outcome: Outcome };
}

/** How a process ended. */
export interface MemberExit {
  readonly t: number;
  /** The test killed or stopped it. */
  readonly isRequested: boolean;
}

/** The events of all members in order of time, indexed by task and by member. */
export interface Events {
  /** The attempts of each task, by start time. */
  readonly byTask: ReadonlyMap<string, readonly Attempt[]>;
  readonly exits: ReadonlyMap<string, MemberExit>;
  readonly leaseMs: ReadonlyMap<string, number>;
  /** When renewals started, in order. The key is that of {@link renewalsKey}. */
  readonly renewals: ReadonlyMap<string, readonly number[]>;
  /** When a member whose event loop hung released all its leases, in order. */
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

/** The end of a killed member is the moment of the kill; that of any other is when the test noticed it. */
function exitsIn(lines: readonly Line[]): Map<string, MemberExit> {
  const killed = new Map<string, number>();
  const exits = new Map<string, MemberExit>();
  for (const line of lines) {
    if (line.e === 'fault' && line.what === 'SIGKILL')
      for (const member of line.of) killed.set(member, line.t);
    if (line.e === 'exit')
      exits.set(line.of, { t: killed.get(line.of) ?? line.t, isRequested: line.isRequested });
  }
  return exits;
}

/** @param lines events of all members and the test, sorted by time */
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
    } else if (line.e === 'end' || line.e === 'abort' || line.e === 'finished') {
      // A failover can undo an attempt, so a worker may run the same number twice. They end in the order of their starts.
      const candidates = open.get(attemptKey(line)) ?? [];
      const attempt = candidates.find((candidate) => candidate[line.e] === undefined) ?? candidates.at(-1);
      if (!attempt) continue;
      if (line.e === 'end') attempt.end ??= { t, outcome: line.outcome };
      else if (line.e === 'abort') attempt.abort ??= { t, cause: line.cause };
      else attempt.finished ??= { t, outcome: line.outcome };
    }
  }
  return { byTask, exits: exitsIn(lines), leaseMs, renewals, releases };
}
