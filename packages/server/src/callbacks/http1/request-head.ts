/** The head of a request as it goes over the wire. Pure. */
import { isHeaderName } from '../headers.ts';

/** What is sent. The connection's headers (`host`, `connection`, `content-length`) are added here. */
export interface Request {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Null = no body. */
  readonly body: Uint8Array | null;
}

const METHODS_WITH_BODY = new Set(['POST', 'PUT', 'PATCH']);
/** No line end may hide in a value: what follows it would be a header, or a request of its own. */
const SAFE_VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;

/** Why a request cannot be sent; null = it can. Submissions are checked, but others may write to the broker, too. */
export function requestFault({ headers }: Request): string | null {
  const wrong = Object.entries(headers).find(
    ([name, value]) => !isHeaderName(name) || !SAFE_VALUE.test(value),
  );
  return wrong ? `the task's header ${JSON.stringify(wrong[0])} is not valid and cannot be sent` : null;
}

export function requestHead({ url, method, headers, body }: Request): string {
  const { pathname, search, host } = new URL(url);
  const length = body?.length ?? (METHODS_WITH_BODY.has(method) ? 0 : null);
  const lines = [
    `${method} ${pathname}${search} HTTP/1.1`,
    `host: ${host}`,
    'connection: keep-alive',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(length === null ? [] : [`content-length: ${length}`]),
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}
