/**
 * The URL of a thread's or child's entry file. Node 20 cannot load TypeScript there, so when this code runs
 * from `src` (tests) the built file beside it in `dist` is used.
 *
 * @param name path of the entry from `src`, without ending, such as `brokers/sqlite/thread/writer.thread`.
 */
export function entryUrl(name: string): URL {
  const base = new URL('../', import.meta.url);
  return new URL(`${name}.js`, base.href.endsWith('/src/') ? new URL('../dist/', base) : base);
}
