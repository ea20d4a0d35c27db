import { vi } from 'vitest';

const TIMEOUT_MS = 30_000;
const INTERVAL_MS = 20;

/** Resolves when it holds; for what nothing announces. Rejects after `timeoutMs`, or with what `holds` throws. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  timeoutMs = TIMEOUT_MS,
  intervalMs = INTERVAL_MS,
): Promise<void> {
  await vi.waitUntil(async () => holds(), { timeout: timeoutMs, interval: intervalMs });
}
