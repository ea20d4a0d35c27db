// Looks each second whether the file is still ours: the same file at its path, the same log beside it, our mark, and no
// network between. Whatever is wrong is found by main thread and transactions alike.
import { statfsSync, statSync } from 'node:fs';
import { messageOf } from '../../../../errors/task-center-error.ts';
import { systemClock } from '../../../../runtime/clock.ts';
import type { FileFinding } from '../../messages.ts';
import { readMark, type FoundMark, type OwnMark } from './mark-file.ts';
import { markPath, type TakenMark } from './take-mark.ts';
import { livenessOf, thisProcess } from './process-identity.ts';

/** A look that is older, ms, is repeated before anything is written: the process, or the machine, may have stood still. */
const MAX_AGE_MS = 2_000;

/** File systems whose files other machines may open, by the type that the kernel gives. */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x51_7b, 'SMB'],
  [0xff_53_4d_42, 'CIFS'],
  [0xfe_53_4d_42, 'SMB2'],
  [0x65_73_55_46, 'FUSE or virtiofs'],
  [0x01_02_19_97, '9p'],
  [0x00_c3_64_00, 'Ceph'],
  [0x53_46_41_4f, 'AFS'],
  [0x6b_41_46_53, 'AFS'],
  [0x0b_d0_0b_d0, 'Lustre'],
  [0x01_16_19_70, 'GFS2'],
  [0x74_61_63_6f, 'OCFS2'],
  [0x47_50_46_53, 'GPFS'],
  [0x78_6f_42_56, 'a shared folder of VirtualBox'],
  [0xba_cb_ac_bc, 'a shared folder of VMware'],
]);

const NETWORK_FIX =
  'Put the file on a disk of this machine, or use Redis: on such file systems locks and syncs may have no effect.';
const MOVED_FIX =
  'Put the file back in its place. To restore a backup, stop this process first, and start it again afterwards.';
const ACCESS_FIX = 'Check the folder, its access rights and the disk; put the file back if it was moved.';
const LOG_FIX = 'Start this process again, and let no other program touch the files beside the database.';
const OWNER_FIX =
  'Only one process may own the file: stop the other one. This one writes nothing more until it is started again.';

/** Names come and go; these two stay with a file as long as it exists. */
interface FileIdentity {
  readonly device: number;
  readonly file: number;
}

/** Null = there is nothing at the path. */
function identityOf(path: string): FileIdentity | null {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat ? { device: stat.dev, file: stat.ino } : null;
}

const isSameFile = (a: FileIdentity | null, b: FileIdentity | null): boolean =>
  a !== null && b !== null && a.device === b.device && a.file === b.file;

export interface FileWatchDeps {
  /** As it was given: a link on the way that leads elsewhere now is noticed, too. */
  readonly givenPath: string;
  /** Without links in it. */
  readonly path: string;
  readonly taken: TakenMark;
  /** Whether a lost file is used all the same. */
  readonly isOwnerAllowed: boolean;
  /** What was found when the file was opened, and stays. */
  readonly found: readonly FileFinding[];
}

/** What has become of the mark. `ended`: another process had taken the file, and has ended. */
type Ownership = 'ours' | 'lost' | 'ended';

export class FileWatch {
  readonly #deps: FileWatchDeps;
  readonly #file: FileIdentity | null;
  readonly #log: FileIdentity | null;
  readonly #network: string | undefined;
  #ownership: Ownership = 'ours';
  #wallMs = 0;
  #monotonicMs = 0;
  #findings: readonly FileFinding[] = [];

  /** The file and its log are open, and are what they should be. */
  constructor(deps: FileWatchDeps) {
    this.#deps = deps;
    this.#file = identityOf(deps.path);
    this.#log = identityOf(`${deps.path}-wal`);
    this.#network = NETWORK_FILE_SYSTEMS.get(statfsSync(deps.path).type >>> 0);
    this.look();
  }

  get ownership(): Ownership {
    return this.#ownership;
  }

  /** Whether the log was taken away while it was in use. SQLite goes on with it, but after a crash nothing finds it. */
  get isLogGone(): boolean {
    return this.#findings.some(({ code, severity }) => code === 'file_log' && severity === 'error');
  }

  /** Why nothing may be written now; null = it may. Looks again if the last look is too old to be trusted. */
  refusal(): string | null {
    const isOld =
      systemClock.monotonicMs() - this.#monotonicMs > MAX_AGE_MS ||
      Math.abs(systemClock.wallMs() - this.#wallMs) > MAX_AGE_MS;
    if (isOld) this.look();
    return this.#findings.find(({ severity }) => severity === 'error')?.detail ?? null;
  }

  /** Looks, and gives a sign of life. */
  look(): readonly FileFinding[] {
    this.#wallMs = systemClock.wallMs();
    this.#monotonicMs = systemClock.monotonicMs();
    this.#findings = [...this.#deps.found, ...this.#lookAround()];
    return this.#findings;
  }

  /** What cannot be looked at may be another's: nothing is written until it can. */
  #lookAround(): FileFinding[] {
    try {
      this.#ownership = this.#checkMark();
      return [...this.#ownerFindings(), ...this.#placeFindings()];
    } catch (error) {
      const detail = `${this.#deps.path} and the files beside it cannot be checked (${messageOf(error)})`;
      return [{ code: 'file_identity', severity: 'error', detail, fix: ACCESS_FIX }];
    }
  }

  /** A mark that is not ours means that the file is lost for good: what this process knows of it is out of date. */
  #checkMark(): Ownership {
    const { taken } = this.#deps;
    const { mark } = taken;
    if (mark === null) return 'ours';
    const found = this.#readMark(mark);
    if (this.#ownership !== 'ours') {
      const isGone =
        found.kind === 'none' ||
        (found.kind === 'file' &&
          found.record !== null &&
          livenessOf(found.record, thisProcess()) === 'gone');
      return isGone ? 'ended' : 'lost';
    }
    if (found.kind === 'file' && found.record !== null && found.record.id !== mark.id) return 'lost';
    try {
      // Somebody has removed or overwritten the mark.
      if (
        found.kind === 'none' ||
        (found.kind === 'file' && found.record === null && mark.replace(found.text))
      )
        return mark.place() ? 'ours' : 'lost';
      mark.beat(this.#network !== undefined);
    } catch {
      // A disk that takes no sign of life is no loss of ownership.
    }
    return 'ours';
  }

  /** A process with too many open files cannot read the mark, but sees that it is still the one that it wrote. */
  #readMark(mark: OwnMark): FoundMark {
    try {
      return readMark(markPath(this.#deps.path));
    } catch (error) {
      if (mark.isInPlace()) return { kind: 'file', record: mark.record, text: '' };
      throw error;
    }
  }

  /** The mark is not ours any more, or there is none. */
  #ownerFindings(): FileFinding[] {
    const { path, taken, isOwnerAllowed } = this.#deps;
    if (this.#ownership !== 'ours') {
      const detail = `another process has taken ${path} over`;
      return [{ code: 'file_owner', severity: isOwnerAllowed ? 'warning' : 'error', detail, fix: OWNER_FIX }];
    }
    if (taken.mark !== null) return [];
    const detail = `the owner's mark beside ${path} cannot be written (${taken.cause})`;
    const fix =
      'Let this user write files to the folder; until then only the lock on the file keeps others out.';
    return [{ code: 'file_owner', severity: 'warning', detail, fix }];
  }

  /** What is at the paths of the file and its log, and what they are on. */
  #placeFindings(): FileFinding[] {
    const { path, givenPath } = this.#deps;
    const findings: FileFinding[] = [];
    const now = identityOf(givenPath);
    if (!isSameFile(now, this.#file)) {
      const detail = now ? `another file is at ${givenPath} now` : `${givenPath} was moved or removed`;
      findings.push({ code: 'file_identity', severity: 'error', detail, fix: MOVED_FIX });
    }
    if (!isSameFile(identityOf(`${path}-wal`), this.#log)) {
      const detail = `the log ${path}-wal was moved, removed or replaced`;
      findings.push({ code: 'file_log', severity: 'error', detail, fix: LOG_FIX });
    }
    if (this.#network !== undefined) {
      const detail = `${path} is on a network file system (${this.#network})`;
      findings.push({ code: 'network_file_system', severity: 'warning', detail, fix: NETWORK_FIX });
    }
    return findings;
  }
}
