import { describe, expect, test } from 'vitest';
import type { FileHandle } from 'node:fs/promises';
import { writeAll } from './write-all.ts';

/** A disk with room for `room` bytes. Each write takes at most `portion` of those that fit. */
function smallDisk(room: number, portion = room) {
  const content = Buffer.alloc(room);
  const write = (bytes: Buffer, ...[from, length, at]: [number, number, number]) => {
    const bytesWritten = bytes.copy(content, at, from, from + Math.min(length, portion));
    return bytesWritten === 0 ? Promise.reject(new Error('ENOSPC')) : Promise.resolve({ bytesWritten });
  };
  return { content, file: { write } as unknown as FileHandle };
}

describe('writing all', () => {
  test('fails when only a part fits', async () => {
    const { content, file } = smallDisk(6);
    await expect(writeAll(file, Buffer.from('abcdefgh'), 0)).rejects.toThrow('ENOSPC');
    expect(content.toString()).toBe('abcdef');
  });

  test('goes on behind the part that was written', async () => {
    const { content, file } = smallDisk(8, 4);
    await writeAll(file, Buffer.from('abcdef'), 2);
    expect(content.toString()).toBe('\0\0abcdef');
  });
});
