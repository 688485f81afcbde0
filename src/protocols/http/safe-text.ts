// RFC 9110 §5.5; beyond Latin-1, the low byte of a character may be any.
const unusable = /[^\t\x20-\x7e\x80-\xff]/;

/** A value that stays in its line: what must not be written is a space instead (RFC 9110 §5.5). */
export function safeText(value: string): string {
  return unusable.test(value) ? value.replace(/[^\t\x20-\x7e\x80-\xff]/g, ' ') : value;
}

const isPlainWord = (text: string): boolean => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text);

/** A token as it is, anything else as a quoted string (RFC 9110 §5.6.4). */
export function tokenOrQuoted(text: string): string {
  return isPlainWord(text) ? text : `"${safeText(text).replace(/["\\]/g, '\\$&')}"`;
}
