import type { FileHandle } from 'node:fs/promises';

/**
 * Writes all bytes to a place in a file. One write may take a part of them without an error: when the disk becomes full
 * within it. The next one then has the error.
 */
export async function writeAll(file: Pick<FileHandle, 'write'>, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}
