import { vi } from 'vitest';

const TIMEOUT_MS = 30_000;
const INTERVAL_MS = 20;

/**
 * Polls until the condition holds, for changes that no event announces. Rejects after `timeoutMs` (default 30 s), or with
 * the error that `holds` throws.
 */
export async function until(
  holds: () => boolean | Promise<boolean>,
  timeoutMs = TIMEOUT_MS,
  intervalMs = INTERVAL_MS,
): Promise<void> {
  await vi.waitUntil(async () => holds(), { timeout: timeoutMs, interval: intervalMs });
}
