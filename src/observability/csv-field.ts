const textLengthMax = 2048;
const cutMark = '...';

// What a spreadsheet takes for a formula, at the start of a cell; a semicolon parts cells in some countries.
const formulaStart = /(^|;)([ "]*)([=+\-@])/g;
const strange = /[^ -~]|\\/g;
const needsWork = /[^ -~]|[\\",]|(?:^|;) *[=+\-@]/;

/**
 * Text as one field of a CSV file (RFC 4180) in printable ASCII, at most 2 KB before its quotation marks are doubled.
 * Every other UTF-16 unit, the backslash and what would begin a formula stand as `\x0d` or `\u20ac`; what was cut ends
 * with `...`.
 */
export function csvField(text: string): string {
  if (text.length <= textLengthMax && !needsWork.test(text)) return text;
  let encoded = text.slice(0, textLengthMax + 1).replace(strange, escapeOf);
  encoded = encoded.replace(formulaStart, (_, before: string, between: string, sign: string) => {
    return before + between + escapeOf(sign);
  });
  if (encoded.length > textLengthMax) {
    // A backslash begins an escape wherever it stands; the last one may have been cut in two.
    encoded = encoded.slice(0, textLengthMax - cutMark.length).replace(/\\(?:x[^]?|u[^]{0,3})?$/, '') + cutMark;
  }
  return /[",]/.test(encoded) ? `"${encoded.replaceAll('"', '""')}"` : encoded;
}

function escapeOf(unit: string): string {
  const code = unit.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}
