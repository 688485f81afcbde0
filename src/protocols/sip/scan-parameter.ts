/** A parameter that begins at a place in a value. */
export interface ScannedParameter {
  /** Lower case. */
  readonly name: string;
  /** As it was sent, quotes too; null: none was given. */
  readonly value: string | null;
  /** Behind it and the spaces that follow. */
  readonly end: number;
}

// RFC 3261 §25.1 generic-param: a value is a token, a host or a quoted string; more is borne with.
const parameter =
  /;[ \t]*([A-Za-z0-9.!%*_+`'~-]+)[ \t]*(?:=[ \t]*("(?:[^"\\]|\\[^])*"|[^\x00-\x20;,"<>\x7f]+)[ \t]*)?/y;

/** The parameter whose semicolon is at this place; null when what stands there is none. */
export function scanParameter(text: string, at: number): ScannedParameter | null {
  parameter.lastIndex = at;
  const found = parameter.exec(text);
  if (found === null) return null;
  const [, name = '', value] = found;
  return { name: name.toLowerCase(), value: value ?? null, end: parameter.lastIndex };
}
