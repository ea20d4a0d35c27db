// node scripts/check-proofs.mjs: the proofs in docs/requirements.md name tests that exist, and each mutation of
// faults/mutations finds the line that it changes. Exits with 1 and names each that does not.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mutations } from '../faults/mutations/mutations.mjs';
import { findBadRows, findBrokenMutations, findBrokenProofs, readRows } from './proofs.mjs';
import { root } from './tools.mjs';

const TABLE = 'docs/requirements.md';
const read = (path) => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : null);

const rows = readRows(read(TABLE));
const faults = [
  ...(rows.length === 0 ? [`${TABLE}: its table has no rows of the known form`] : []),
  ...findBadRows(read(TABLE)).map((fault) => `${TABLE}, ${fault}`),
  ...findBrokenProofs(rows, read).map((fault) => `${TABLE}, ${fault}`),
  ...findBrokenMutations(mutations, read).map((fault) => `faults/mutations/mutations.mjs, ${fault}`),
];
for (const fault of faults) console.log(fault);
console.log(
  faults.length === 0
    ? `proofs: ${rows.length} rows and ${mutations.length} mutations, nothing found`
    : `proofs: ${faults.length} found`,
);
process.exitCode = faults.length === 0 ? 0 : 1;
