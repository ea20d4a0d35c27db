/**
 * The first API key of an installation. Many instances may start at once on one broker, with data folders of their own or
 * shared: one of them creates the key, and a start that died half-way is finished by the next one.
 */
import { formatApiKey, type ApiKey } from '@task-center/api';
import { isTaskCenterError, type Broker } from '@task-center/engine';
import { readKeyFile, removeKeyFile, writeKeyFile } from './key-file.ts';
import { KEY_KIND, readKeyRecord, type KeyRecord } from './key-record.ts';
import { KEY_ENV, newApiKey, recordOf } from './local-key.ts';

/** The key that opens an installation for the first time. */
export interface FirstKey {
  /** The key's file on this machine; null = another instance has it. */
  readonly path: string | null;
  /** A file where the key was looked for, and which holds the key of another installation. */
  readonly foreignPath?: string;
  /** Whether this start created it. */
  readonly created: boolean;
  /** The key's text, if this start created it. */
  readonly key?: string;
}

type Documents = Pick<Broker, 'documents'>;

/** The document that one instance writes per broker: which key is the first one, and whether it is stored. */
interface Claim {
  readonly state: 'claimed' | 'done';
  readonly id: string;
  readonly record: KeyRecord;
}

const CLAIM_PATH = ['claim', 'first-key'] as const;

async function readClaim({ documents }: Documents): Promise<{ claim: Claim; version: number } | null> {
  const document = await documents.get(...CLAIM_PATH);
  return document === null ? null : { claim: document.value as Claim, version: document.version };
}

/** Whether a write took effect; false = another instance wrote the document first. */
async function isFirst(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (isTaskCenterError(error, 'version-mismatch')) return false;
    throw error;
  }
}

/** Stores the claimed key's record and marks the claim as done. Idempotent. */
async function completeClaim(
  { documents }: Documents,
  { claim, version }: { claim: Claim; version: number },
): Promise<void> {
  if (claim.state === 'done') return;
  await isFirst(documents.put(KEY_KIND, claim.id, readKeyRecord(claim.record), 0));
  await isFirst(documents.put(...CLAIM_PATH, { ...claim, state: 'done' }, version));
}

/** The key in the file, which is created if it does not exist. */
async function obtainKey(path: string): Promise<{ key: ApiKey; isNew: boolean }> {
  const found = await readKeyFile(path);
  if (found !== null) return { key: found, isNew: false };
  const key = newApiKey(KEY_ENV);
  if (await writeKeyFile(path, formatApiKey(key))) return { key, isNew: true };
  const other = await readKeyFile(path);
  return other === null ? obtainKey(path) : { key: other, isNew: false };
}

/** The first key of an installation that is claimed already. */
async function existingKey(path: string, id: string): Promise<FirstKey> {
  const key = await readKeyFile(path);
  if (key?.id === id) return { path, created: false };
  return { path: null, created: false, ...(key !== null && { foreignPath: path }) };
}

/**
 * Makes sure that the installation has a key. First the key's file is written, then one claim per broker: a key that is
 * claimed is never lost. Of any number of instances one creates the key; the others remove the files that they wrote.
 *
 * @throws ConfigError the file cannot be read or written.
 * @throws TaskCenterError the broker cannot be used.
 */
export async function claimFirstKey(broker: Documents, path: string, nowMs: number): Promise<FirstKey> {
  const before = await readClaim(broker);
  if (before !== null) {
    await completeClaim(broker, before);
    return existingKey(path, before.claim.id);
  }
  const { key, isNew } = await obtainKey(path);
  const claim: Claim = { state: 'claimed', id: key.id, record: recordOf(key, { name: 'first key' }, nowMs) };
  if (await isFirst(broker.documents.put(...CLAIM_PATH, claim, 0))) {
    await completeClaim(broker, { claim, version: 1 });
    return { path, created: true, key: formatApiKey(key) };
  }
  // An instance that shares the folder may have claimed with the key in the file that this start wrote.
  const winner = await readClaim(broker);
  if (isNew && winner?.claim.id !== key.id) await removeKeyFile(path);
  return claimFirstKey(broker, path, nowMs);
}
