/** Names told once, and each item's place among them: a message names a queue once, not per task. */
export interface Places {
  readonly names: readonly string[];
  readonly places: readonly number[];
}

export function placesOf(names: readonly string[]): Places {
  const known = new Map<string, number>();
  const places = names.map((name) => {
    const place = known.get(name) ?? known.size;
    if (place === known.size) known.set(name, place);
    return place;
  });
  return { names: [...known.keys()], places };
}
