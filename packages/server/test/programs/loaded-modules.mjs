// Serves a request, and prints the packages of OpenTelemetry that were loaded for that. Argument: the data folder.
import { createRequire } from 'node:module';
import { silentLog } from '@task-center/engine';
import { loadConfig, serve } from '@task-center/server';

const { config } = loadConfig({ yaml: null, flags: { 'http.port': '0', data_dir: process.argv[2] } });
const service = await serve(config, { log: silentLog, environment: process.env });
const answer = await fetch(`${service.url}/v1/tasks`, {
  method: 'POST',
  headers: { authorization: `Bearer ${service.firstKey.key}`, 'content-type': 'application/json' },
  body: JSON.stringify({ type: 'a' }),
});
await service.stop();
// They are CommonJS, which Node keeps here.
const loaded = Object.keys(createRequire(import.meta.url).cache).flatMap(
  (path) => /@opentelemetry[\\/][^\\/]+/.exec(path) ?? [],
);
console.log(JSON.stringify({ status: answer.status, loaded: [...new Set(loaded)] }));
