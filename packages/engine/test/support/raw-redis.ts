import { createClient } from '@redis/client';

/** A plain connection, to inspect a server and to write to it as a foreign program would. */
export interface RawRedis {
  /** Sends a command; blobs come back as strings. */
  call(...args: readonly (string | Buffer)[]): Promise<unknown>;
  close(): void;
}

export async function rawRedis(port: number, password?: string): Promise<RawRedis> {
  const client = createClient({
    url: `redis://127.0.0.1:${port}`,
    ...(password !== undefined && { password }),
  });
  // When a test stops the server, this connection breaks, too; the next call rejects.
  client.on('error', () => {});
  await client.connect();
  return {
    call: (...args) => client.sendCommand(args),
    close: () => client.destroy(),
  };
}
