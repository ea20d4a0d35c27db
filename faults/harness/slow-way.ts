import { connect, createServer, type AddressInfo } from 'node:net';
import type { Run } from './run.ts';

/** A way to the server on which every answer comes so much later, ms. Returns its URL; it ends with the run. */
export async function slowWay(run: Run, lateMs: number): Promise<string> {
  const { port } = run.bed.server;
  const proxy = createServer((client) => {
    const server = connect(port, '127.0.0.1');
    client.pipe(server);
    server.on('data', (data) => void setTimeout(() => client.writable && client.write(data), lateMs));
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => {});
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => void proxy.listen(0, '127.0.0.1', resolve));
  run.cleanUp(() => void proxy.close());
  return `redis://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}
