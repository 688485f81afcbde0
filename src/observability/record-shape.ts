/** The names of a record's parts by what they hold. */
export interface RecordShape {
  readonly texts: readonly string[];
  readonly textsOrNull?: readonly string[];
  readonly numbers?: readonly string[];
  readonly numbersOrNull?: readonly string[];
}

/** Whether something read is an object with all of the parts, and `at` a time. */
export function hasShape(value: unknown, shape: RecordShape): value is Readonly<Record<string, unknown>> {
  const { texts, textsOrNull = [], numbers = [], numbersOrNull = [] } = shape;
  return (
    isObject(value) &&
    texts.every((name) => typeof value[name] === 'string') &&
    textsOrNull.every((name) => value[name] === null || typeof value[name] === 'string') &&
    numbers.every((name) => typeof value[name] === 'number') &&
    numbersOrNull.every((name) => value[name] === null || typeof value[name] === 'number') &&
    !Number.isNaN(Date.parse(String(value['at'])))
  );
}

/** Whether something read is a list of objects that all have texts of these names. */
export function isListOf(
  value: unknown,
  names: readonly string[],
): value is readonly Readonly<Record<string, unknown>>[] {
  if (!Array.isArray(value)) return false;
  return value.every((entry) => isObject(entry) && names.every((name) => typeof entry[name] === 'string'));
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
