/** A string, a bracket or separator, or any other run of characters (a number, a literal). */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/gs;

/**
 * The text of a member of a JSON object, exactly as it was sent. `JSON.parse` would round integers over 2^53.
 *
 * @param json valid JSON
 * @returns null if the object has no such member
 */
export function rawMember(json: string, name: string): string | null {
  let depth = 0;
  let previousToken = '';
  let start = -1;
  for (const { 0: token, index } of json.matchAll(TOKEN)) {
    const isEndOfMember = depth === 1 && (token === ',' || token === '}');
    if (isEndOfMember && start >= 0) return json.slice(start, index).trim();
    if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth -= 1;
    else if (depth === 1 && token === ':' && previousToken === JSON.stringify(name)) start = index + 1;
    previousToken = token;
  }
  return null;
}

/**
 * The texts of the items of a JSON list, exactly as they stand there.
 *
 * @param json a valid JSON list
 */
export function rawItems(json: string): string[] {
  const items: string[] = [];
  let depth = 0;
  let start = 1;
  for (const { 0: token, index } of json.matchAll(TOKEN)) {
    if (depth === 1 && (token === ',' || token === ']')) {
      const item = json.slice(start, index).trim();
      if (item !== '') items.push(item);
      start = index + 1;
    }
    if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth -= 1;
  }
  return items;
}
