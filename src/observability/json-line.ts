// What JSON leaves alone and a terminal does not: C1 controls, line separators, changes of direction.
const unsafe = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;
const everyUnsafe = new RegExp(unsafe, 'g');

/** A value as JSON that is one line and harmless to look at. */
export function jsonLine(value: unknown): string {
  const json = JSON.stringify(value);
  if (!unsafe.test(json)) return json;
  return json.replace(everyUnsafe, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
