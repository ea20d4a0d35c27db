/** Checks a submitted callback beyond its schema, and gives it its stored form. */
import {
  DEFAULT_CONNECT_TIMEOUT,
  gotOf,
  itemAt,
  type CheckedCallback,
  type ProblemItem,
  type ItemPath,
} from '@task-center/api';
import type { StoredCallback } from '../../callbacks/callback.ts';
import { headerFault, headerKey } from '../../callbacks/headers.ts';
import { checkCallbackUrl, type UrlRules } from '../../callbacks/url-rules.ts';
import { ProblemError } from '../../problem.ts';

function headerItems(headers: Readonly<Record<string, string>>, basePath: ItemPath): ProblemItem[] {
  const seen = new Set<string>();
  return Object.entries(headers).flatMap(([name, value]) => {
    const key = headerKey(name);
    const repeated = seen.has(key)
      ? 'is given twice: receivers may take "-", "_" and other marks for the same'
      : null;
    seen.add(key);
    const message = headerFault(name, value) ?? repeated;
    if (message === null) return [];
    const path = ['callback', 'headers', name];
    return [itemAt({ location: 'pointer', basePath }, path, { code: 'invalid_value', message, got: null })];
  });
}

/** What a callback is checked against, and where it is in the body. */
export interface CallbackChecks {
  readonly rules: UrlRules;
  readonly basePath: ItemPath;
}

/** What is wrong with a callback; nothing = it is valid. */
export interface CallbackFaults {
  readonly items: readonly ProblemItem[];
  /** The address is not allowed: a problem of its own, with its own fields. */
  readonly blocked: ProblemError | null;
}

function urlFaults(url: string, { rules, basePath }: CallbackChecks): CallbackFaults {
  const verdict = checkCallbackUrl(url, rules);
  if (verdict.ok) return { items: [], blocked: null };
  const path = ['callback', 'url'];
  const got = gotOf({ callback: { url } }, path);
  const item = itemAt({ location: 'pointer', basePath }, path, {
    code: 'invalid_url',
    message: verdict.message,
    got,
  });
  if (verdict.code === 'invalid_url') return { items: [item], blocked: null };
  const { address, rule, configuration } = verdict;
  const extra = { pointer: item.pointer, address, rule, configuration };
  return { items: [], blocked: new ProblemError('url-blocked', verdict.message, { extra }) };
}

/** Checks headers and URL, whose form the schema has checked already. */
export function callbackFaults(callback: CheckedCallback, checks: CallbackChecks): CallbackFaults {
  const { items, blocked } = urlFaults(callback.url, checks);
  return { items: [...headerItems(callback.headers, checks.basePath), ...items], blocked };
}

/** Errors in the callback's URL of a task that the schema refused: the caller learns of all errors at once. */
export function urlItems(task: unknown, checks: CallbackChecks): readonly ProblemItem[] {
  const { callback } = (task ?? {}) as { callback?: { url?: unknown } | null };
  const url = callback?.url;
  return typeof url === 'string' ? urlFaults(url, checks).items : [];
}

/** The callback as it is stored with its task. Default values are left out: they would be stored with every task. */
export function storedCallback(callback: CheckedCallback, scheduledMs: number | null): StoredCallback {
  const { url, method, headers, body, connect_timeout } = callback;
  return {
    url,
    ...(method !== 'POST' && { method }),
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(body !== undefined && { body }),
    ...(connect_timeout !== DEFAULT_CONNECT_TIMEOUT && { connect_timeout }),
    ...(scheduledMs !== null && { scheduled_at: new Date(scheduledMs).toISOString() }),
  };
}
