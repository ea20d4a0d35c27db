import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Member } from './member.ts';
import type { Run } from './run.ts';

const ROOT = '/sys/fs/cgroup';
const PERIOD_US = 100_000;
let groupCount = 0;

/**
 * Puts a member into a cgroup (v1) of its own until the end of the run.
 *
 * @throws Error where cgroup v1 is not mounted or not writable
 */
function group(run: Run, controller: 'cpu' | 'freezer', { pid, name }: Member) {
  const parent = join(ROOT, controller);
  if (!existsSync(join(parent, 'cgroup.procs')))
    throw new Error(`the controller ${controller} of cgroup v1 is not mounted at ${parent}`);
  groupCount += 1;
  const folder = join(parent, `faults-${process.pid}-${groupCount}-${name}`);
  const write = (file: string, value: string | number) => writeFileSync(join(folder, file), String(value));
  mkdirSync(folder);
  write('cgroup.procs', pid);
  run.cleanUp(() => rmdirSync(folder));
  return { write, leave: () => writeFileSync(join(parent, 'cgroup.procs'), String(pid)) };
}

/** Limits a member to a share of one processor, 0 to 1. Call the result to lift the limit. */
export function slowDown(run: Run, member: Member, share: number): () => void {
  const { write, leave } = group(run, 'cpu', member);
  write('cpu.cfs_period_us', PERIOD_US);
  write('cpu.cfs_quota_us', Math.round(share * PERIOD_US));
  return leave;
}

/** Freezes all threads of a member at once, as a live migration of its machine does. Call the result to thaw it. */
export function freeze(run: Run, member: Member): () => void {
  const { write, leave } = group(run, 'freezer', member);
  write('freezer.state', 'FROZEN');
  run.fault('frozen', [member]);
  return () => {
    write('freezer.state', 'THAWED');
    // No other process can take over from a single one: its recovery counts from the thaw, which any heal but SIGCONT marks.
    run.heal(run.bed.isSingleProcess ? 'thawed' : 'SIGCONT', [member]);
    leave();
  };
}
