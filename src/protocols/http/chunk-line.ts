// RFC 9112 §7.1, §7.1.1; the white space around the marks of extensions, which nobody may send, is refused.
const sizeAlone = /^[0-9A-Fa-f]{1,15}\r\n$/;
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const quoted = String.raw`"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"`;
const sizeAndExtensions = new RegExp(`^[0-9A-Fa-f]{1,15}(?:;${token}(?:=(?:${token}|${quoted}))?)*\\r\\n$`);

/** The bytes of a chunk by its first line, CRLF included; null when that is malformed. Extensions are dropped. */
export function chunkSizeOf(line: string): number | null {
  if (!sizeAlone.test(line) && !sizeAndExtensions.test(line)) return null;
  const size = Number.parseInt(line, 16);
  return Number.isSafeInteger(size) ? size : null;
}
