import type { AttemptNotes, Consume, LeasedTask } from '../../broker/consume.ts';
import type { Timer } from '../../runtime/clock.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { within } from '../../runtime/within.ts';
import {
  encodeLine,
  encodeProgress,
  MAX_KEPT_LINES,
  newestLines,
  type TaskProgress,
} from '../../task/task-notes.ts';
import type { KeepLine } from './task-log.ts';

/** Notes are written at most this often, all of them together, and when an attempt ends. */
const WRITE_MS = 1_000;
/** How long the end of an attempt waits for its last notes. */
const MAX_FLUSH_MS = 2_000;
/** From this size on, characters, what is not written yet is written at once; beyond the other, lines are dropped. */
const MANY_CHARACTERS = 4 * 1_024 * 1_024;
const MAX_CHARACTERS = 16 * 1_024 * 1_024;

/** What a task's handler has told and the broker does not have. */
interface Unwritten {
  progress: TaskProgress | null;
  /** Encoded, oldest first. */
  lines: string[];
  /** Lines before them that are not kept. */
  skipped: number;
}

/**
 * Keeps progress and log lines of running attempts until they are written, for all attempts of a worker together. An attempt that
 * tells nothing costs nothing. What cannot be written never makes an attempt fail.
 */
export class NoteKeeper {
  readonly #consume: Pick<Consume, 'keepNotes'>;
  readonly #runtime: Runtime;
  readonly #unwritten = new Map<LeasedTask, Unwritten>();
  #characters = 0;
  #timer: Timer | undefined;
  /** The write under way; it never rejects. */
  #writing: Promise<unknown> | undefined;

  constructor(consume: Pick<Consume, 'keepNotes'>, runtime: Runtime) {
    this.#consume = consume;
    this.#runtime = runtime;
  }

  /** The newest progress counts. */
  setProgress(task: LeasedTask, percent: number, message: string | null): void {
    this.#unwrittenOf(task).progress = { percent, message, atMs: this.#runtime.clock.wallMs() };
  }

  readonly keepLine: KeepLine = (task, { level, message, fields, timeMs }) => {
    const note = this.#unwrittenOf(task);
    const line = encodeLine({ atMs: timeMs, level, message, attempt: task.attempt, fields });
    if (this.#characters + line.length > MAX_CHARACTERS) return void (note.skipped += 1);
    this.#characters += line.length;
    note.lines.push(line);
    if (note.lines.length >= 2 * MAX_KEPT_LINES) this.#skipOld(note);
    if (this.#characters > MANY_CHARACTERS) this.#writeAll();
  };

  /** Whether the task has told something that is not written yet, or is being written. */
  has(task: LeasedTask): boolean {
    return this.#unwritten.size > 0 && this.#unwritten.has(task);
  }

  /** Writes what a task has told, for the last time: its attempt has ended. Never rejects. */
  async flush(task: LeasedTask): Promise<void> {
    const { clock } = this.#runtime;
    const written = await within(clock, MAX_FLUSH_MS, async () => {
      await this.#writing;
      const notes = this.#take([task]);
      return notes.length === 0 || (await this.#write(notes));
    });
    this.forget(task);
    if (written === true) return;
    const { queue, id, type } = task;
    this.#runtime.log.warn(
      { queue, task_id: id, type },
      'the last progress and log lines of a task were not kept',
    );
  }

  /** The task is gone or another worker's: what it told is of no use. */
  forget(task: LeasedTask): void {
    this.#take([task]);
  }

  /** Writes nothing any more. */
  close(): void {
    this.#timer?.cancel();
    this.#unwritten.clear();
  }

  #unwrittenOf(task: LeasedTask): Unwritten {
    let note = this.#unwritten.get(task);
    if (!note) this.#unwritten.set(task, (note = { progress: null, lines: [], skipped: 0 }));
    this.#timer ??= this.#runtime.clock.after(WRITE_MS, () => this.#writeAll()).unref();
    return note;
  }

  #skipOld(note: Unwritten): void {
    const old = note.lines.splice(0, note.lines.length - MAX_KEPT_LINES);
    note.skipped += old.length;
    this.#characters -= lengthOf(old);
  }

  #writeAll(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#writing || this.#unwritten.size === 0) return;
    const taken = new Map(this.#unwritten);
    this.#writing = this.#write(this.#take([...taken.keys()])).then((isWritten) => {
      this.#writing = undefined;
      if (!isWritten) this.#putBack(taken);
      if (this.#unwritten.size > 0)
        this.#timer ??= this.#runtime.clock.after(WRITE_MS, () => this.#writeAll()).unref();
    });
  }

  /** Notes for the broker, which are no longer unwritten. */
  #take(tasks: readonly LeasedTask[]): AttemptNotes[] {
    return tasks.flatMap((task) => {
      const note = this.#unwritten.get(task);
      if (!note) return [];
      this.#unwritten.delete(task);
      this.#characters -= lengthOf(note.lines);
      const { lines, skipped } = newestLines(note.lines);
      const progress = note.progress && encodeProgress(note.progress);
      return [{ task, progress, lines, skipped: note.skipped + skipped }];
    });
  }

  /** Whether the broker has answered. A lost lease is an answer: the task is another worker's. */
  async #write(notes: readonly AttemptNotes[]): Promise<boolean> {
    try {
      await this.#consume.keepNotes(notes);
      return true;
    } catch (error) {
      this.#runtime.log.warn(
        { err: error, tasks: notes.length },
        'progress and log lines could not be stored yet',
      );
      return false;
    }
  }

  /** What was told meanwhile is newer. */
  #putBack(taken: ReadonlyMap<LeasedTask, Unwritten>): void {
    for (const [task, old] of taken) {
      const note = this.#unwritten.get(task) ?? { progress: null, lines: [], skipped: 0 };
      const lines = [...old.lines, ...note.lines];
      this.#characters += lengthOf(old.lines);
      const merged = { progress: note.progress ?? old.progress, lines, skipped: old.skipped + note.skipped };
      this.#unwritten.set(task, merged);
      if (lines.length >= 2 * MAX_KEPT_LINES) this.#skipOld(merged);
    }
  }
}

const lengthOf = (lines: readonly string[]): number => lines.reduce((sum, { length }) => sum + length, 0);
