// The PEM files of a URL. A connection that is open does not need them: that one cannot be used shows only at the next
// reconnect, so it is looked for.
import { statSync } from 'node:fs';
import type { FindingCheck, Found } from '../../../findings/finding-watch.ts';
import type { Clock } from '../../../runtime/clock.ts';
import { certificatesIn, refreshTls, type TlsFault, type TlsSource } from '../client/tls.ts';

/** The files cost no call. They are read again only when one of them has changed. */
const LOOK_INTERVAL_MS = 1_000;
/** An end is told when less than this share of a certificate's life is left, and at most a week before. */
const LATE_SHARE = 0.1;
const MAX_NOTICE_MS = 7 * 24 * 3_600_000;

/** Changes with the file: another one has been put in its place, or it was written. */
function signatureOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? 'missing' : `${found.ino}:${found.mtimeMs}:${found.size}`;
}

const faultFinding = ({ path, cause }: TlsFault): Found => ({
  code: 'certificate',
  severity: 'warning',
  subject: path,
  detail: `the file ${path} of the broker URL ${cause}; its last good content is used`,
  fix: 'Put a whole PEM file in its place, best by renaming; it is read again for each connection.',
});

interface PemFile {
  readonly path: string;
  readonly pem: string;
  readonly isAuthority: boolean;
}

/** The end of a file's use. Of authorities one is enough; of a certificate and those that link it to its authority none may have ended. */
function endFinding({ path, pem, isAuthority }: PemFile, nowMs: number): Found | null {
  const lives = certificatesIn(pem).map(({ validFrom, validTo }) => ({
    fromMs: Date.parse(validFrom),
    toMs: Date.parse(validTo),
  }));
  const { fromMs, toMs } = lives.reduce((a, b) => (b.toMs > a.toMs === isAuthority ? b : a));
  if (toMs - nowMs > Math.min(MAX_NOTICE_MS, LATE_SHARE * (toMs - fromMs))) return null;
  const end = new Date(toMs).toISOString();
  return {
    code: 'certificate',
    severity: 'warning',
    subject: `${path} ${end}`,
    detail: `the certificate in ${path} ${toMs > nowMs ? 'ends' : 'ended'} at ${end}`,
    fix: 'Renew it; the new file is used for the next connection.',
  };
}

/** Looks at the PEM files that a broker's URL names: whether they can be used, and how long. */
export function createTlsCheck(source: TlsSource, clock: Pick<Clock, 'wallMs'>): FindingCheck {
  const paths = Object.values(source.paths);
  let signature = '';
  let faults: readonly TlsFault[] = [];

  function read(): void {
    const now = paths.map(signatureOf).join();
    if (now === signature) return;
    const found = refreshTls(source);
    faults = found.filter(({ isLack }) => !isLack);
    // Files that this process could not open just now are read again: nothing is known of them.
    signature = faults.length === found.length ? now : '';
  }

  return {
    name: 'certificates',
    everyMs: LOOK_INTERVAL_MS,
    look() {
      read();
      const nowMs = clock.wallMs();
      const ends = (['ca', 'cert'] as const).map((name) => {
        const { [name]: path } = source.paths;
        const { [name]: pem } = source.good;
        if (path === undefined || pem === undefined) return null;
        return endFinding({ path, pem, isAuthority: name === 'ca' }, nowMs);
      });
      return Promise.resolve([...faults.map(faultFinding), ...ends.filter((found) => found !== null)]);
    },
  };
}
