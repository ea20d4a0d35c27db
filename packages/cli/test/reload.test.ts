import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { freePort } from '../../engine/test/support/redis-server.ts';
import { tempFolder } from '../../engine/test/support/temp.ts';
import { endAll, runCli, startCli } from './support/cli.ts';

const URL_OF_ERP = 'http://erp.lan:8080/';
const ALLOWED = 'callbacks: { allow: [{ host: erp.lan, ports: [8080], http: true }] }\n';

test('SIGHUP, to the parent or to all, reads the file again; if one key is wrong, nothing changes', async () => {
  const folder = await tempFolder();
  try {
    const port = await freePort();
    const file = folder.file('my.yaml');
    const env = {
      TASKCENTER_HTTP_PORT: String(port),
      TASKCENTER_URL: `http://127.0.0.1:${port}`,
      TASKCENTER_CONFIG: file,
    };
    const options = { env, cwd: folder.path };
    const enqueue = (id: string) =>
      runCli(['enqueue', '--id', id, '--delay', '1h', '--callback-url', URL_OF_ERP], options);

    writeFileSync(file, 'callbacks: { allow: [] }\n');
    const service = startCli(['serve'], options);
    await service.saw(/Ctrl-C drains and stops it/);
    expect((await enqueue('a')).err).toContain('To allow it');

    writeFileSync(file, `${ALLOWED}http: { port: 1 }\n`);
    service.signalAll('SIGHUP');
    await service.saw(/"changed":"callbacks\.allow","msg":"the configuration was read again"/);
    expect((await enqueue('b')).code).toBe(0);

    writeFileSync(file, 'callbacks: { allow: [] }\nhttp: { prt: 1 }\nworker: { concurrency: 0 }\n');
    service.signal('SIGHUP');
    await service.saw(/in 2 places:.*http\.prt.*worker\.concurrency.*nothing has changed/);
    expect((await enqueue('c')).code).toBe(0);

    service.signal('SIGTERM');
    const { code, out } = await service.ended;
    expect(code).toBe(0);
    expect(out.match(/"the service is running"/g), 'one process, all the time').toHaveLength(1);
  } finally {
    await endAll();
    await folder.remove();
  }
});

test('SIGHUP does not read a pipe: the service would wait for a writer, or take nothing for the file', async () => {
  const folder = await tempFolder();
  try {
    const file = folder.file('my.yaml');
    const env = { TASKCENTER_HTTP_PORT: String(await freePort()), TASKCENTER_CONFIG: file };
    writeFileSync(file, ALLOWED);
    const service = startCli(['serve'], { env, cwd: folder.path });
    await service.saw(/Ctrl-C drains and stops it/);

    rmSync(file);
    execFileSync('mkfifo', [file]);
    service.signal('SIGHUP');
    await service.saw(/my\.yaml is a pipe, and can be read only once.*nothing has changed/);

    service.signal('SIGTERM');
    expect((await service.ended).code).toBe(0);
  } finally {
    await endAll();
    await folder.remove();
  }
});
