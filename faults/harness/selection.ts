/**
 * Which experiments run, by `FAULTS`: nothing = tier 1 with few repeats; `all`, or IDs and groups (`W1,N`) = those, with
 * as many repeats as the paper asks unless `FAULTS_FEW` is set.
 */
export interface Selection {
  readonly full: boolean;
  includes(id: string, tier: 1 | 2): boolean;
}

export function selected({ FAULTS = '', FAULTS_FEW = '' }: NodeJS.ProcessEnv = process.env): Selection {
  const wanted = FAULTS.split(',').filter((name) => name !== '');
  if (wanted.length === 0) return { full: false, includes: (_, tier) => tier === 1 };
  return {
    full: FAULTS_FEW === '',
    includes: (id) =>
      wanted.some((name) => name === 'all' || name === id || name === id.replace(/\d.*$/, '')),
  };
}
