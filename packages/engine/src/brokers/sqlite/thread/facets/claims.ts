// Claims: work that one instance at a time should do. Runs in the writer thread; its calls come from main/facets/claims.ts.
// They are in its memory and end with the process, as all holders run in it. Only the last token is in the file: the tokens of
// the next process are greater, also when the clock was set back. The thread has them, not the main thread, because it knows
// whether the file is still ours: a process that has lost it gives no claims.
import type { Claim, ClaimCall, ClaimRef } from '../../../../broker/claims.ts';
import { plain, type Packet } from '../../packing.ts';
import type { Now, Store } from '../store.ts';

/** What a request about a claim begins with. */
export interface NamedClaim {
  readonly name: string;
}

/** A claim that somebody has. */
interface LocalClaim extends ClaimRef {
  /** Monotonic: setting the clock lets no second holder in while the first one works. */
  readonly endsMs: number;
}

/** Another program may have written anything. */
const LAST_TOKEN = `SELECT value FROM meta
  WHERE name = 'claim_token' AND typeof(value) = 'integer' AND value BETWEEN 0 AND 999999999999999`;

/** More time never ends a claim earlier. */
const laterEnd = (held: LocalClaim | undefined, ttlMs: number, { monotonicMs }: Now): number =>
  Math.max(held?.endsMs ?? 0, monotonicMs + ttlMs);

/** The last token in the file; 0 = there is none. */
function createLastToken({ database }: Store) {
  const read = database.named<void, { value: number }>(LAST_TOKEN);
  // In a column of any type a number may otherwise be stored as a fraction.
  const write = database.named<{ value: number }>(
    "INSERT OR REPLACE INTO meta (name, value) VALUES ('claim_token', CAST(:value AS INTEGER))",
  );
  return { read: () => read.get()?.value ?? 0, write: (value: number) => write.run({ value }) };
}

export function createClaimHandlers(store: Store) {
  const lastToken = createLastToken(store);
  const claims = new Map<string, LocalClaim>();
  let last = 0;

  /** The claim, if somebody has it. One that is over is forgotten. */
  function current(name: string, { monotonicMs }: Now): LocalClaim | undefined {
    const held = claims.get(name);
    if (held === undefined || held.endsMs > monotonicMs) return held;
    claims.delete(name);
    return undefined;
  }

  /** The claim, if this holder has it under this token. */
  function own({ name, holder, token }: NamedClaim & ClaimRef, now: Now): LocalClaim | undefined {
    const held = current(name, now);
    return held?.holder === holder && held.token === token ? held : undefined;
  }

  return {
    /** Null = another holder has it. */
    claimTake(
      { data: { name, holder, ttlMs } }: Packet<NamedClaim & ClaimCall>,
      now: Now,
    ): Packet<Claim | null> {
      const held = current(name, now);
      if (held && held.holder !== holder) return plain(null);
      const stored = lastToken.read();
      const token = held?.token ?? Math.max(last + 1, stored + 1, now.wallMs);
      // Not only for a new token: the transaction that should have stored it may have failed.
      if (token > stored) lastToken.write(token);
      last = Math.max(last, token);
      const endsMs = laterEnd(held, ttlMs, now);
      claims.set(name, { holder, token, endsMs });
      return plain({ token, untilMs: Math.floor(now.wallMs + endsMs - now.monotonicMs) });
    },

    /** False = the holder has it no more. */
    claimRenew({ data }: Packet<NamedClaim & ClaimCall & ClaimRef>, now: Now): Packet<boolean> {
      const held = own(data, now);
      if (held) claims.set(data.name, { ...held, endsMs: laterEnd(held, data.ttlMs, now) });
      return plain(held !== undefined);
    },

    /** False = the holder has it no more. */
    claimRelease: ({ data }: Packet<NamedClaim & ClaimRef>, now: Now): Packet<boolean> =>
      plain(own(data, now) !== undefined && claims.delete(data.name)),
  };
}
