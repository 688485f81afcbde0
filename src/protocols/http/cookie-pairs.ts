/**
 * A Cookie value without the cookies of these names (in any case, as servers compare them); null when nothing is left.
 * Pairs end at every `;`, in quotes too, so that no reader finds a dropped name in what is left.
 */
export function withoutCookies(value: string, droppedNames: readonly string[]): string | null {
  const lower = value.toLowerCase();
  const dropped = droppedNames.map((name) => name.toLowerCase());
  if (!dropped.some((name) => lower.includes(name))) return value === '' ? null : value;
  const kept = value
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '' && !dropped.includes(nameOf(pair)));
  return kept.length === 0 ? null : kept.join('; ');
}

function nameOf(pair: string): string {
  const end = pair.indexOf('=');
  return (end === -1 ? pair : pair.slice(0, end)).trim().toLowerCase();
}
