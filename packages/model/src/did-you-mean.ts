/** A longer word is no typing error, and comparing it would cost too much. */
const MAX_LENGTH = 64;

/** Levenshtein distance: the least number of edits (insert, delete, replace) that turn one word into the other. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const afterReplace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(afterReplace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

const maxEdits = (name: string): number => Math.max(1, Math.floor(name.length / 3));

/**
 * The known word that was probably meant. At most a third of its letters may differ; case, `-` and `_` do not count.
 * Null = no word is near enough.
 */
export function didYouMean(word: string, known: readonly string[]): string | null {
  if (word.length > MAX_LENGTH) return null;
  const plain = word.toLowerCase().replaceAll('-', '_');
  const near = known
    // The distance is at least the difference of the lengths: most names need no comparison.
    .filter((name) => Math.abs(name.length - plain.length) <= maxEdits(name))
    .map((name) => ({ name, edits: editDistance(plain, name.toLowerCase().replaceAll('-', '_')) }))
    .filter(({ name, edits }) => edits <= maxEdits(name))
    .sort((a, b) => a.edits - b.edits);
  return near[0]?.name ?? null;
}
