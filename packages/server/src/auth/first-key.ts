import { isTaskCenterError, type Broker } from '@task-center/engine';
import { readKeyFile, removeKeyFile, writeKeyFile } from './key-file.ts';
import { KEY_KIND, readKeyRecord, type KeyRecord } from './key-record.ts';
import { formatApiKey, newApiKey, type ApiKey } from './key.ts';
import { KEY_ENV, recordOf } from './local-key.ts';

/** The key that opens an installation for the first time. */
export interface FirstKey {
  /** Where the key is, for those on this machine; null = another instance holds it. */
  readonly path: string | null;
  /** Whether this start made it. */
  readonly created: boolean;
  /** The key itself, if this start made it. */
  readonly key?: string;
}

type Documents = Pick<Broker, 'documents'>;

interface Claim {
  readonly state: 'claimed' | 'done';
  readonly id: string;
  readonly record: KeyRecord;
}

const CLAIM = ['claim', 'first-key'] as const;

async function readClaim({ documents }: Documents): Promise<{ claim: Claim; version: number } | null> {
  const document = await documents.get(...CLAIM);
  return document === null ? null : { claim: document.value as Claim, version: document.version };
}

/** Whether the call went through; false = somebody else was there first. */
async function won(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (isTaskCenterError(error, 'version-mismatch')) return false;
    throw error;
  }
}

/** What follows the claim; a start that died in between is finished by the next one. */
async function finish(
  { documents }: Documents,
  { claim, version }: { claim: Claim; version: number },
): Promise<void> {
  if (claim.state === 'done') return;
  await won(documents.put(KEY_KIND, claim.id, readKeyRecord(claim.record), 0));
  await won(documents.put(...CLAIM, { ...claim, state: 'done' }, version));
}

async function keyInFile(path: string): Promise<{ key: ApiKey; made: boolean }> {
  const found = await readKeyFile(path);
  if (found !== null) return { key: found, made: false };
  const key = newApiKey(KEY_ENV);
  if (await writeKeyFile(path, formatApiKey(key))) return { key, made: true };
  const other = await readKeyFile(path);
  return other === null ? keyInFile(path) : { key: other, made: false };
}

/** The state of an installation that has been claimed. */
async function claimed(path: string, id: string): Promise<FirstKey> {
  const key = await readKeyFile(path);
  return { path: key?.id === id ? path : null, created: false };
}

/**
 * Makes sure that the installation has a key: the file first, then one claim per broker (design 5). Of any number
 * of instances one makes it; a file made for a claim that was lost is removed.
 *
 * @throws ConfigError the file cannot be read or written; TaskCenterError as the broker's calls.
 */
export async function claimFirstKey(broker: Documents, path: string, nowMs: number): Promise<FirstKey> {
  const before = await readClaim(broker);
  if (before !== null) {
    await finish(broker, before);
    return claimed(path, before.claim.id);
  }
  const { key, made } = await keyInFile(path);
  const claim: Claim = { state: 'claimed', id: key.id, record: recordOf(key, { name: 'first key' }, nowMs) };
  if (await won(broker.documents.put(...CLAIM, claim, 0))) {
    await finish(broker, { claim, version: 1 });
    return { path, created: true, key: formatApiKey(key) };
  }
  // Who shares the folder may have claimed with the very key that this start made.
  const winner = await readClaim(broker);
  if (made && winner?.claim.id !== key.id) await removeKeyFile(path);
  return claimFirstKey(broker, path, nowMs);
}
