const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:]/g;

/** The first key that stands twice in one object of a JSON text, with its line; the text is known to be JSON. */
export function findRepeatedKey(json: string): { key: string; line: number } | undefined {
  const open: Set<string>[] = [];
  let last = '""';
  for (const { 0: token, index } of json.matchAll(tokens)) {
    switch (token) {
      case '{':
      case '[':
        open.push(new Set());
        break;
      case '}':
      case ']':
        open.pop();
        break;
      case ':': {
        const key = JSON.parse(last) as string;
        if (open.at(-1)?.has(key)) return { key, line: json.slice(0, index).split('\n').length };
        open.at(-1)?.add(key);
        break;
      }
      default:
        last = token;
    }
  }
  return undefined;
}
