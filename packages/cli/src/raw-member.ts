const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/gs;

/**
 * The text of a member of a JSON object, as it stands there: `JSON.parse` would spoil integers of 19 digits.
 * Null = there is none. The text must be valid JSON.
 */
export function rawMember(json: string, name: string): string | null {
  let depth = 0;
  let key = '';
  let start = -1;
  for (const { 0: token, index } of json.matchAll(TOKEN)) {
    const ends = depth === 1 && (token === ',' || token === '}');
    if (ends && start >= 0) return json.slice(start, index).trim();
    if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth -= 1;
    else if (depth === 1 && token === ':' && key === JSON.stringify(name)) start = index + 1;
    key = token;
  }
  return null;
}
