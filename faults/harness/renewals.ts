import { histogram, type Histogram } from './recovery.ts';
import type { Run } from './run.ts';

/** Times between the renewals of a queue's leases, as the processes measured them; they must stay below the lease. */
export function tellRenewals(run: Run): Histogram {
  const gaps = run.lines().flatMap((line) => (line.e === 'renewed' && line.gap > 0 ? [line.gap] : []));
  const found = histogram(gaps);
  if (found === null) throw new Error('no lease was renewed twice');
  const { p50, p99, max, n } = found;
  run.fact('ms between renewals', `${p50} / ${p99} / ${max} (p50 / p99 / longest of ${n})`);
  return found;
}
