/** Distinct names, and for each item the index of its name among them. A message then names a queue once, not per task. */
export interface NameIndex {
  readonly names: readonly string[];
  readonly indexes: readonly number[];
}

export function indexNames(names: readonly string[]): NameIndex {
  const indexByName = new Map<string, number>();
  const indexes = names.map((name) => {
    const index = indexByName.get(name) ?? indexByName.size;
    if (index === indexByName.size) indexByName.set(name, index);
    return index;
  });
  return { names: [...indexByName.keys()], indexes };
}
