import { readdirSync, readFileSync } from 'node:fs';

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

const FOLDER = 'faults/experiments';

/** Files with experiments that run, from the project's folder: without any a file would fail. */
export function experimentFiles(): string[] {
  const selection = selected();
  return readdirSync(new URL('../experiments/', import.meta.url)).flatMap((name) => {
    const text = readFileSync(new URL(`../experiments/${name}`, import.meta.url), 'utf8');
    const tier = /tier: 1/.test(text) ? 1 : 2;
    const ids = Array.from(text.matchAll(/experiment\(\s*'([A-Z]\d+)'/g), ([, id = '']) => id);
    return ids.some((id) => selection.includes(id, tier)) ? [`${FOLDER}/${name}`] : [];
  });
}
