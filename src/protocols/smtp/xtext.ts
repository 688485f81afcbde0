import { Buffer, isUtf8 } from 'node:buffer';

const xtext = /^(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$/;

/** RFC 3461 §4: printable ASCII but `+` and `=`, every other byte as `+` and two hexadecimal digits. */
export function isXtext(text: string): boolean {
  return xtext.test(text);
}

/** The text behind the xtext form; undefined when it is no xtext, no UTF-8, or holds control characters. */
export function decodeXtext(text: string): string | undefined {
  if (!isXtext(text)) return undefined;
  if (!text.includes('+')) return text;
  const octets = text.replaceAll(/\+([0-9A-F]{2})/g, (_whole, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  const bytes = Buffer.from(octets, 'latin1');
  const decoded = bytes.toString('utf8');
  return isUtf8(bytes) && !/\p{Cc}/u.test(decoded) ? decoded : undefined;
}
