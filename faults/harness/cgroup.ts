import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Member } from './member.ts';
import type { Run } from './run.ts';

const ROOT = '/sys/fs/cgroup';
const PERIOD_US = 100_000;
let made = 0;

/** A group (cgroup v1) with this process in it, until the end of the run. @throws Error where this is not allowed */
function group(run: Run, controller: 'cpu' | 'freezer', { pid, name }: Member) {
  const parent = join(ROOT, controller);
  if (!existsSync(join(parent, 'cgroup.procs')))
    throw new Error(`the controller ${controller} of cgroup v1 is not mounted at ${parent}`);
  made += 1;
  const folder = join(parent, `faults-${process.pid}-${made}-${name}`);
  const write = (file: string, value: string | number) => writeFileSync(join(folder, file), String(value));
  mkdirSync(folder);
  write('cgroup.procs', pid);
  run.cleanUp(() => rmdirSync(folder));
  return { write, leave: () => writeFileSync(join(parent, 'cgroup.procs'), String(pid)) };
}

/** The process gets this share of one processor, 0 to 1, until the result is called. */
export function slowDown(run: Run, member: Member, share: number): () => void {
  const { write, leave } = group(run, 'cpu', member);
  write('cpu.cfs_period_us', PERIOD_US);
  write('cpu.cfs_quota_us', Math.round(share * PERIOD_US));
  return leave;
}

/** All threads of the process stop at once, as when a machine is moved, until the result is called. */
export function freeze(run: Run, member: Member): () => void {
  const { write, leave } = group(run, 'freezer', member);
  write('freezer.state', 'FROZEN');
  run.fault('frozen', [member]);
  return () => {
    write('freezer.state', 'THAWED');
    // Where it is the only one, nobody could take over before.
    run.heal(run.bed.owned ? 'thawed' : 'SIGCONT', [member]);
    leave();
  };
}
