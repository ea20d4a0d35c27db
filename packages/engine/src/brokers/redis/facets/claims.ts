// The claims facet on Redis. A claim is a hash; scripts compare holder and token, by the server's clock.
import type { Claim, ClaimCall, ClaimRef, Claims } from '../../../broker/claims.ts';
import { checkedClaims } from '../../../leases/checked-claims.ts';
import { leadKey } from '../../../protocol/keys.ts';
import type { RedisDeps } from '../deps.ts';
import { defineScript } from '../scripts/define-script.ts';
import { lua } from '../scripts/lua.generated.ts';

/** The claim that a script works on. */
interface ClaimScriptCall {
  readonly name: string;
}

const claimKeys = ({ name }: ClaimScriptCall) => ({ claim: leadKey(name) });

/** Replies with the claim that the holder then has; null = another holder has it. */
const claimTake = defineScript({
  lua: lua.claimTake,
  keys: claimKeys,
  args: ({ holder, ttlMs }: ClaimScriptCall & ClaimCall) => ({ holder, ttl: ttlMs }),
  reply(raw): Claim | null {
    if (raw === null) return null;
    const [token, untilMs] = raw as [number, number];
    return { token, untilMs };
  },
});

/** Replies with whether the holder has the claim. */
const claimRenew = defineScript({
  lua: lua.claimRenew,
  keys: claimKeys,
  args: ({ holder, token, ttlMs }: ClaimScriptCall & ClaimCall & ClaimRef) => ({ holder, token, ttl: ttlMs }),
  reply: (raw) => raw === 1,
});

/** Replies with whether the holder had the claim. */
const claimRelease = defineScript({
  lua: lua.claimRelease,
  keys: claimKeys,
  args: ({ holder, token }: ClaimScriptCall & ClaimRef) => ({ holder, token }),
  reply: (raw) => raw === 1,
});

export function createClaims({ client }: RedisDeps): Claims {
  return checkedClaims({
    take: (name, call) => client.run(claimTake, { name, ...call }),
    renew: (name, call) => client.run(claimRenew, { name, ...call }),
    release: (name, claim) => client.run(claimRelease, { name, ...claim }),
  });
}
