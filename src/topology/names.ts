const isAscii = /^[\u0000-\u007f]*$/;

/** The form in which names are compared: ASCII letters without case, as SQLite's NOCASE does. */
export function nameKey(name: string): string {
  // Lower case changes nothing else in a name of ASCII, and takes a fraction of the time.
  if (isAscii.test(name)) return name.toLowerCase();
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Orders names alphanumerically without regard to case. */
export function compareNames(a: string, b: string): number {
  const left = nameKey(a);
  const right = nameKey(b);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** How many letters to put in, take out, replace or swap with their neighbour. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? (beforeLast[j - 2] ?? 0) + 1 : substituted;
      current.push(Math.min(substituted, swapped, (last[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}

/** The known name nearest to a mistyped one, if one is near enough to be meant. */
export function nearestName(wanted: string, known: Iterable<string>): string | undefined {
  const target = nameKey(wanted).slice(0, 100);
  let best: { name: string; distance: number } | undefined;
  for (const name of known) {
    const key = nameKey(name);
    if (Math.abs(key.length - target.length) > 4) continue;
    const distance = editDistance(target, key);
    if (!best || distance < best.distance) best = { name, distance };
  }
  const limit = Math.max(1, Math.min(3, Math.floor(target.length / 2)));
  return best && best.distance <= limit ? best.name : undefined;
}

/** ` (did you mean "x"?)`, or nothing. */
export function didYouMean(wanted: string, known: Iterable<string>): string {
  const nearest = nearestName(wanted, known);
  return nearest === undefined ? '' : ` (did you mean "${nearest}"?)`;
}
