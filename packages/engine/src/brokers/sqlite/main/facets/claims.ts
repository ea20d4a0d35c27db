// The claims facet on the main thread. The writer thread has the claims.
import type { Claims } from '../../../../broker/claims.ts';
import { checkedClaims } from '../../../../leases/checked-claims.ts';
import type { StoreCalls } from '../../thread/requests.ts';

export function createClaims(writer: StoreCalls): Claims {
  return checkedClaims({
    take: (name, call) => writer.ask('claimTake', { name, ...call }),
    renew: (name, call) => writer.ask('claimRenew', { name, ...call }),
    release: (name, claim) => writer.ask('claimRelease', { name, ...claim }),
  });
}
