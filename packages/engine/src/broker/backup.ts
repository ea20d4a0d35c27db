/** A copy that was written. */
export interface BackupFile {
  /** Absolute. */
  readonly path: string;
  readonly bytes: number;
}

export interface BackupOptions {
  /** Ends the copy when it aborts; nothing of it remains then. */
  readonly signal?: AbortSignal;
}

/**
 * Consistent copies of everything that is stored, made while it is in use. A copy has at least all that was stored when it
 * was asked for. Several that are asked for at once are made one after the other.
 *
 * Besides the errors of any call: `broker-full` = the disk has too little room; `invalid-value` = the path cannot be used.
 */
export interface Backup {
  /** Writes a copy to a new file at an absolute path, readable by this user only. */
  writeTo(path: string, options?: BackupOptions): Promise<BackupFile>;
  /** Writes a copy to a new file beside the stored data. The caller removes it; if it crashes, the next start does. */
  writeBeside(options?: BackupOptions): Promise<BackupFile>;
}
