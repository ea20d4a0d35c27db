/** Before each file of HTTP tests: what `fetch` answers there is checked with the OpenAPI document, as `TestApp.call` does. */

/** Larger answers are left alone: some tests leave them unread on purpose. */
const MAX_CHECKED_BYTES = 262_144;

const plainFetch = globalThis.fetch;

globalThis.fetch = async (input, init) => {
  const response = await plainFetch(input, init);
  const length = Number(response.headers.get('content-length') ?? Infinity);
  // What is not of the service is a receiver of callbacks, or another server of a test.
  if (!response.headers.has('task-center-version') || length > MAX_CHECKED_BYTES) return response;
  const { method, url } = new Request(input, { ...init, body: null, signal: null });
  const { pathname, search } = new URL(url);
  const { documentFaults } = await import('./document-check.ts');
  const text = await response.clone().text();
  const { status, headers } = response;
  const faults = documentFaults({ method, path: pathname + search }, { status, headers, text });
  if (faults.length > 0)
    throw new Error(`${method} ${pathname} is not as the OpenAPI document says: ${faults.join('; ')}`);
  return response;
};
