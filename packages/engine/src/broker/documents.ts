/** A JSON document. */
export interface StoredDocument {
  readonly id: string;
  /**
   * Grows by 1 with each change. A new document has a greater version than any of its kind that was removed, else 1: a version
   * names one state for good.
   */
  readonly version: number;
  /** Undefined = another program has spoilt what is stored. It can be put anew. */
  readonly value: unknown;
}

/**
 * Small JSON documents by kind, such as API keys. Versions give optimistic concurrency control to processes that share
 * the broker.
 */
export interface Documents {
  /** Null = there is none. */
  get(kind: string, id: string): Promise<StoredDocument | null>;
  /** Sorted by ID. */
  list(kind: string): Promise<StoredDocument[]>;
  /**
   * Stores a document. Resolves to its new version.
   *
   * @param expectedVersion the version to replace; 0 = it must not exist yet. Left out: any version.
   * @throws TaskCenterError `version-mismatch` if it has another version
   */
  put(kind: string, id: string, value: unknown, expectedVersion?: number): Promise<number>;
  /**
   * Removes a document. False = there was none.
   *
   * @param expectedVersion the version to remove. Left out: any version.
   * @throws TaskCenterError `version-mismatch` if it has another version
   */
  remove(kind: string, id: string, expectedVersion?: number): Promise<boolean>;
}
