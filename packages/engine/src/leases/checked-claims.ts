import { MAX_CLAIM_MS, MIN_CLAIM_MS, type ClaimCall, type ClaimRef, type Claims } from '../broker/claims.ts';
import { createFieldsCheck, required } from '../checks/options.ts';
import { wholeNumber } from '../checks/values.ts';
import { checkName } from '../task/checked.ts';

const aName = required(checkName);
const aTime = required(wholeNumber(MIN_CLAIM_MS, MAX_CLAIM_MS));
const aToken = required(wholeNumber(1));
const checkTake = createFieldsCheck<ClaimCall>('call', { holder: aName, ttlMs: aTime });
const checkRenewal = createFieldsCheck<ClaimCall & ClaimRef>('call', {
  holder: aName,
  token: aToken,
  ttlMs: aTime,
});
const checkRelease = createFieldsCheck<ClaimRef>('claim', { holder: aName, token: aToken });

/** The same facet, which refuses what no broker can use: a claim's name is a part of a key. */
export function checkedClaims(claims: Claims): Claims {
  return {
    async take(name, call) {
      checkName(name, 'name');
      const { holder, ttlMs } = checkTake(call);
      return claims.take(name, { holder, ttlMs });
    },
    async renew(name, call) {
      checkName(name, 'name');
      const { holder, token, ttlMs } = checkRenewal(call);
      return claims.renew(name, { holder, token, ttlMs });
    },
    async release(name, claim) {
      checkName(name, 'name');
      const { holder, token } = checkRelease(claim);
      return claims.release(name, { holder, token });
    },
  };
}
