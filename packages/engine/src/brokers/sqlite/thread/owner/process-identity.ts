// Which process this is, and whether another one still runs. Numbers of processes come again, in other containers at once:
// so a process is known by its kernel's boot, its namespace of process numbers, its number and the time of its start.
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface ProcessIdentity {
  /** For people. */
  readonly host: string;
  /** The boot of the kernel; '' = unknown, not on Linux. */
  readonly boot: string;
  /** The namespace in which the process number counts; '' = unknown. */
  readonly namespace: string;
  readonly pid: number;
  /** When the process started, in the kernel's own count; '' = unknown. */
  readonly started: string;
}

function readOr<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

/** State and start of a process, by the kernel. Null = there is none of this number. */
function readStat(pid: number): { readonly state: string; readonly started: string } | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return null;
  }
  // The name of the program is in brackets and may contain anything; fields are counted after it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', started: fields[19] ?? '' };
}

/** Whether this system tells of its processes as Linux does. */
const hasProc = (): boolean => readStat(process.pid) !== null;

export function thisProcess(): ProcessIdentity {
  return {
    host: hostname(),
    boot: readOr(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim(), ''),
    namespace: readOr(() => readlinkSync('/proc/self/ns/pid'), ''),
    pid: process.pid,
    started: readStat(process.pid)?.started ?? '',
  };
}

/** Whether a process number of `other` can be looked up here. */
const isSameKernel = (other: ProcessIdentity, here: ProcessIdentity): boolean =>
  here.boot === ''
    ? other.boot === '' && other.host === here.host
    : other.boot === here.boot && other.namespace === here.namespace;

/** Another broker of this process has the same identity; the mark's own ID tells the two apart. */
export const isThisProcess = (other: ProcessIdentity, here: ProcessIdentity): boolean =>
  isSameKernel(other, here) && other.pid === here.pid && other.started === here.started;

/** `unknown`: it runs where this process cannot see it, or the system does not say when processes started. */
export type Liveness = 'runs' | 'gone' | 'unknown';

export function livenessOf(other: ProcessIdentity, here: ProcessIdentity): Liveness {
  if (!isSameKernel(other, here)) return 'unknown';
  if (isThisProcess(other, here)) return 'runs';
  if (hasProc()) {
    const stat = readStat(other.pid);
    // A killed process stays listed until its parent asks for it; it holds nothing any more.
    const isDead = stat === null || stat.started !== other.started || 'ZX'.includes(stat.state);
    return isDead ? 'gone' : 'runs';
  }
  try {
    process.kill(other.pid, 0);
    return 'unknown';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH' ? 'gone' : 'unknown';
  }
}
