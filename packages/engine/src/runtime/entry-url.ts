/**
 * The URL of the entry file of a worker thread or child process. Node 20 cannot load TypeScript there. When this code runs
 * from `src`, in tests, the URL is that of the built file in `dist`.
 *
 * @param name path of the entry file below `src`, without its extension, such as `brokers/sqlite/thread/writer.thread`.
 */
export function entryUrl(name: string): URL {
  const base = new URL('../', import.meta.url);
  return new URL(`${name}.js`, base.href.endsWith('/src/') ? new URL('../dist/', base) : base);
}
