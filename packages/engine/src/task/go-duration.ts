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

/** A fraction in as few digits as it needs. */
function fraction(ns: bigint, per: bigint): string {
  const rest = (ns % per).toString().padStart(per.toString().length - 1, '0');
  const digits = rest.replace(/0+$/, '');
  return `${ns / per}${digits === '' ? '' : `.${digits}`}`;
}

/** A length in ms as Go prints a duration: `1h0m0s`, `1.5ms` (protocol 2.6). Digits below a nanosecond are dropped. */
export function goDuration(ms: number): string {
  const signed = BigInt(Math.round(ms * 1e6));
  const ns = signed < 0n ? -signed : signed;
  const sign = signed < 0n ? '-' : '';
  if (ns === 0n) return '0s';
  if (ns < 1_000n) return `${sign}${ns}ns`;
  if (ns < 1_000_000n) return `${sign}${fraction(ns, 1_000n)}\u00b5s`;
  if (ns < 1_000_000_000n) return `${sign}${fraction(ns, 1_000_000n)}ms`;
  const minutes = ns / 60_000_000_000n;
  const seconds = `${fraction(ns % 60_000_000_000n, 1_000_000_000n)}s`;
  if (minutes === 0n) return `${sign}${seconds}`;
  return minutes < 60n
    ? `${sign}${minutes}m${seconds}`
    : `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

/** The ms of a Go duration's text; null if it is none. */
export function parseGoDuration(text: string): number | null {
  const negative = text.startsWith('-');
  let rest = text.replace(/^[+-]/, '');
  if (rest === '0') return 0;
  if (rest === '') return null;
  let ns = 0;
  while (rest !== '') {
    const [whole, amount, unit] = PART.exec(rest) ?? [];
    if (whole === undefined || amount === undefined || unit === undefined) return null;
    ns += Number(amount) * (NS_PER[unit] ?? 0);
    rest = rest.slice(whole.length);
  }
  // Go's durations end at 2^63 ns.
  if (ns >= 2 ** 63) return null;
  return (negative && ns !== 0 ? -Math.round(ns) : Math.round(ns)) / 1e6;
}
