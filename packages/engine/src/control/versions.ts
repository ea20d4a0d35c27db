/** Changes of what has a version, by many callers at once: none is lost, and a repeat after a lost answer does no harm. */
import { isDeepStrictEqual } from 'node:util';
import { isTaskCenterError, TaskCenterError } from '../errors/task-center-error.ts';

/** Whether a change is wanted of what has this version; null = of what does not exist. */
export type VersionTest = (version: number | null) => boolean;

/** The test of a caller that wants the change in any case. */
export const anyVersion: VersionTest = () => true;

/** Something with a version that is stored under one name: how it is read and written. */
export interface VersionedPlace<Item extends { readonly version: number }, Content> {
  /** Errors name it so. */
  readonly kind: string;
  readonly id: string;
  /** Null = there is none. */
  read(): Promise<Item | null>;
  /** What callers may change of it. */
  contentOf(item: Item): Content;
  /** Writes it in place of what was read. @throws TaskCenterError `version-mismatch` if it has another version by now */
  write(content: Content, before: Item | null): Promise<Item>;
  /** Removes what was read. @throws TaskCenterError `version-mismatch` if it has another version by now */
  remove(before: Item): Promise<unknown>;
}

/** What a change has led to. */
export interface VersionChange<Item> {
  readonly item: Item;
  /** Whether there was none before. */
  readonly isNew: boolean;
}

/** Each further try means that another caller was faster, and has succeeded. */
const MAX_TRIES = 32;

/** The error of a call for another version. */
export function mismatch(
  { kind, id }: { readonly kind: string; readonly id: string },
  current: number | null,
  expects: VersionTest,
): TaskCenterError {
  const isTaken = current !== null && expects(null);
  return new TaskCenterError('version-mismatch', { kind, id, current, ...(isTaken && { isTaken }) });
}

/** The error of a try before which another caller was faster. It names no version, unlike that of `mismatch`. */
export const overtaken = (what: { readonly kind: string; readonly id: string }): TaskCenterError =>
  new TaskCenterError('version-mismatch', what);

/** Whether another caller came between reading and writing. The error of `mismatch` says which version there is. */
const isOvertaken = (error: unknown): boolean =>
  isTaskCenterError(error, 'version-mismatch') && error.details.current === undefined;

async function repeatWhenOvertaken<Result>(attempt: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1)
    try {
      return await attempt();
    } catch (error) {
      if (!isOvertaken(error) || tries === MAX_TRIES) throw error;
    }
}

/**
 * Changes something that has a version. Where it is already as it should become, nothing is written and the version stays, even
 * if the caller expects an older one: the answer to its first call was lost, or somebody wants the same. Only a caller that wants to
 * be the one who creates it is refused.
 *
 * @param change makes the new content; it may be called several times, and may throw
 * @throws TaskCenterError `version-mismatch` unless `expects` accepts the version
 */
export function changeVersion<Item extends { readonly version: number }, Content>(
  place: VersionedPlace<Item, Content>,
  change: (before: Item | null) => Content,
  expects: VersionTest,
): Promise<VersionChange<Item>> {
  return repeatWhenOvertaken(async () => {
    const before = await place.read();
    const content = change(before);
    const isExpected = expects(before?.version ?? null);
    const isDone = before !== null && isDeepStrictEqual(place.contentOf(before), content);
    if (isDone && (isExpected || !expects(null))) return { item: before, isNew: false };
    if (!isExpected) throw mismatch(place, before?.version ?? null, expects);
    return { item: await place.write(content, before), isNew: before === null };
  });
}

/**
 * Removes something that has a version.
 *
 * @param check throws where there is nothing to remove, or it must stay
 * @throws TaskCenterError `version-mismatch` unless `expects` accepts the version
 */
export function removeVersion<Item extends { readonly version: number }>(
  place: Omit<VersionedPlace<Item, unknown>, 'contentOf' | 'write'>,
  check: (before: Item | null) => asserts before is Item,
  expects: VersionTest,
): Promise<void> {
  return repeatWhenOvertaken(async () => {
    const before = await place.read();
    check(before);
    if (!expects(before.version)) throw mismatch(place, before.version, expects);
    await place.remove(before);
  });
}
