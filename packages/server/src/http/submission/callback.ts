import { gotOf, itemAt, type CheckedCallback, type ProblemItem } from '@task-center/api';
import type { StoredCallback } from '../../callbacks/callback.ts';
import { headerFault } from '../../callbacks/headers.ts';
import { checkCallbackUrl, type UrlRules } from '../../callbacks/url-rules.ts';
import { ProblemError } from '../../problem.ts';

type Under = readonly (string | number)[];

function headerItems(headers: Readonly<Record<string, string>>, under: Under): ProblemItem[] {
  const seen = new Set<string>();
  return Object.entries(headers).flatMap(([name, value]) => {
    const again = seen.has(name.toLowerCase()) ? 'stands twice' : null;
    seen.add(name.toLowerCase());
    const message = headerFault(name, value) ?? again;
    if (message === null) return [];
    const path = ['callback', 'headers', name];
    return [itemAt({ place: 'pointer', under }, path, { code: 'invalid_value', message, got: null })];
  });
}

/** What a callback is checked against. */
export interface CallbackChecks {
  readonly rules: UrlRules;
  readonly under: Under;
}

export interface CallbackFaults {
  readonly items: readonly ProblemItem[];
  /** An address that is not allowed is a problem of its own. */
  readonly blocked: ProblemError | null;
}

function urlFaults(url: string, { rules, under }: CallbackChecks): CallbackFaults {
  const verdict = checkCallbackUrl(url, rules);
  if (verdict.ok) return { items: [], blocked: null };
  const path = ['callback', 'url'];
  const got = gotOf({ callback: { url } }, path);
  const item = itemAt({ place: 'pointer', under }, path, {
    code: 'invalid_url',
    message: verdict.message,
    got,
  });
  if (verdict.code === 'invalid_url') return { items: [item], blocked: null };
  const { address, rule, configuration } = verdict;
  const extra = { pointer: item.pointer, address, rule, configuration };
  return { items: [], blocked: new ProblemError('url-blocked', verdict.message, { extra }) };
}

/** What is wrong with a callback beyond its form. */
export function callbackFaults(callback: CheckedCallback, checks: CallbackChecks): CallbackFaults {
  const { items, blocked } = urlFaults(callback.url, checks);
  return { items: [...headerItems(callback.headers, checks.under), ...items], blocked };
}

/** A bad URL in a task whose form is wrong elsewhere, so that its sender hears of all at once. */
export function urlItems(task: unknown, checks: CallbackChecks): readonly ProblemItem[] {
  const { callback } = (task ?? {}) as { callback?: { url?: unknown } | null };
  const url = callback?.url;
  return typeof url === 'string' ? urlFaults(url, checks).items : [];
}

/** The callback as it is stored with its task: what is a default is left out. */
export function storedCallback(callback: CheckedCallback, scheduledMs: number | null): StoredCallback {
  const { url, method, headers, body, connect_timeout } = callback;
  return {
    url,
    ...(method !== 'POST' && { method }),
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(body !== undefined && { body }),
    ...(connect_timeout !== '3s' && { connect_timeout }),
    ...(scheduledMs !== null && { scheduled_at: new Date(scheduledMs).toISOString() }),
  };
}
