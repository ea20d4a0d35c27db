/** A JSON document with its version, from 1. */
export interface StoredDocument {
  readonly id: string;
  readonly version: number;
  readonly value: unknown;
}

/** Small documents by kind: API keys and other policy (design D13). */
export interface Documents {
  get(kind: string, id: string): Promise<StoredDocument | null>;
  /** Sorted by ID. */
  list(kind: string): Promise<StoredDocument[]>;
  /**
   * Stores a document; resolves to its new version. `expectedVersion` 0 = it must not exist; left out = whatever
   * stands there. Rejects with `version-mismatch`.
   */
  put(kind: string, id: string, value: unknown, expectedVersion?: number): Promise<number>;
  /** False = there was none. */
  remove(kind: string, id: string): Promise<boolean>;
}
