// Go's text form of durations, which its protocol stores in option strings and which must survive a round trip.

const NS_PER: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  '\u00b5s': 1e3,
  '\u03bcs': 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3_600e9,
};
const PART = /^(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/;

/** `ns` in units of `per` nanoseconds, with no more decimals than it needs. */
function decimalText(ns: bigint, per: bigint): string {
  const decimals = (ns % per).toString().padStart(per.toString().length - 1, '0');
  const digits = decimals.replace(/0+$/, '');
  return `${ns / per}${digits === '' ? '' : `.${digits}`}`;
}

/**
 * A duration in ms as Go prints it, such as `1h0m0s` or `1.5ms`. It is rounded to whole nanoseconds. See
 * docs/design/protocol.md#option-strings.
 */
export function goDuration(ms: number): string {
  const signed = BigInt(Math.round(ms * 1e6));
  const ns = signed < 0n ? -signed : signed;
  const sign = signed < 0n ? '-' : '';
  if (ns === 0n) return '0s';
  if (ns < 1_000n) return `${sign}${ns}ns`;
  if (ns < 1_000_000n) return `${sign}${decimalText(ns, 1_000n)}\u00b5s`;
  if (ns < 1_000_000_000n) return `${sign}${decimalText(ns, 1_000_000n)}ms`;
  const minutes = ns / 60_000_000_000n;
  const seconds = `${decimalText(ns % 60_000_000_000n, 1_000_000_000n)}s`;
  if (minutes === 0n) return `${sign}${seconds}`;
  return minutes < 60n
    ? `${sign}${minutes}m${seconds}`
    : `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

/** A Go duration in ms, or null when the text is not one. Go's range ends at 2^63 ns. */
export function parseGoDuration(text: string): number | null {
  const negative = text.startsWith('-');
  let remaining = text.replace(/^[+-]/, '');
  if (remaining === '0') return 0;
  if (remaining === '') return null;
  let ns = 0;
  while (remaining !== '') {
    const [matched, amount, unit] = PART.exec(remaining) ?? [];
    if (matched === undefined || amount === undefined || unit === undefined) return null;
    ns += Number(amount) * (NS_PER[unit] ?? 0);
    remaining = remaining.slice(matched.length);
  }
  if (ns >= 2 ** 63) return null;
  return (negative && ns !== 0 ? -Math.round(ns) : Math.round(ns)) / 1e6;
}

/**
 * A timeout as Asynq's message stores it, in ms: whole seconds, the rest dropped. Less than a second becomes one second
 * and not 0, because 0 would mean no timeout. A negative timeout, which is over at once, stays negative.
 */
export function wholeTimeoutMs(ms: number): number {
  return Math.sign(ms) * Math.max(1, Math.trunc(Math.abs(ms) / 1_000)) * 1_000;
}
