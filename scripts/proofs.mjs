// What docs/requirements.md names as proofs, and whether proofs and mutations still fit the files that they name.
import { posix } from 'node:path';

const ROW =
  /^\| (?<id>Q\d+) +\|(?<asked>[^|]*)\|(?<there>[^|]*)\|(?<where>[^|]*)\|(?<proof>[^|]*)\|(?<brokers>[^|]*)\|[^|]*\|$/;
/** One proof: `file` › part of a test's full name. Several are separated by `;`. */
const PROOF = /`(?<file>[^`]+)` ›(?<name>[^;]*)/g;
/** A module that a test file imports from its own folder of tests, such as a suite for every broker. */
const IMPORT = /from '(\.{1,2}\/[^']+)'/g;
const IS_OF_TESTS = /^packages\/[^/]+\/test\/|^faults\/|\.test\.ts$/;

/** The rows of the table in docs/requirements.md, each with its line and its proofs. */
export function readRows(text) {
  return text.split('\n').flatMap((line) => {
    const groups = ROW.exec(line)?.groups;
    if (!groups) return [];
    const row = Object.fromEntries(Object.entries(groups).map(([key, value]) => [key, value.trim()]));
    const proofs = [...row.proof.matchAll(PROOF)].map(({ groups: g }) => ({
      file: g.file,
      name: g.name.trim(),
    }));
    return [{ ...row, line, proofs }];
  });
}

/** Lines that begin as a row and have not the form of one, or say that they are there and name no proof. */
export function findBadRows(text) {
  const rows = readRows(text);
  const known = new Set(rows.map(({ line }) => line));
  const malformed = text.split('\n').filter((line) => /^\| *Q\d/.test(line) && !known.has(line));
  const unproven = rows.filter(
    ({ there, proof, proofs }) =>
      there !== 'not yet' && proofs.length === 0 && !proof.startsWith('`npm run '),
  );
  return [
    ...malformed.map((line) => `a row has another form: ${line.slice(0, 60)}`),
    ...unproven.map(({ id }) => `${id}: it names no proof as \`file\` › name`),
  ];
}

/** The texts of a test file and of the test modules that it imports. */
function textsOf(file, read, seen = new Set()) {
  const text = seen.has(file) ? null : read(file);
  seen.add(file);
  if (text === null) return [];
  const imported = [...text.matchAll(IMPORT)]
    .map(([, path]) => posix.join(posix.dirname(file), path))
    .filter((path) => IS_OF_TESTS.test(path));
  return [text, ...imported.flatMap((path) => textsOf(path, read, seen))];
}

/**
 * Proofs whose file does not exist, or in which the test's name does not occur.
 *
 * @param read resolves a path to its text, null = it does not exist
 */
export function findBrokenProofs(rows, read) {
  return rows.flatMap(({ id, proofs }) =>
    proofs.flatMap(({ file, name }) => {
      const texts = textsOf(file, read).map((text) => text.replaceAll("\\'", "'"));
      if (texts.length === 0) return [`${id}: ${file} does not exist`];
      if (texts.some((text) => text.includes(name))) return [];
      return [`${id}: no test in ${file} is named "${name}"`];
    }),
  );
}

/** Mutations whose file does not exist, or whose `from` does not occur exactly once in it. */
export function findBrokenMutations(mutations, read) {
  return mutations.flatMap(({ name, file, from }) => {
    const text = read(file);
    if (text === null) return [`${name}: ${file} does not exist`];
    const count = text.split(from).length - 1;
    return count === 1 ? [] : [`${name}: ${file} contains ${count} times, not once: ${from.trim()}`];
  });
}
