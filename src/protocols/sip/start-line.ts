/** Why a request is refused: a status and its reason phrase. */
export interface HeadFault {
  readonly code: number;
  readonly reason: string;
}

/** The first line of a message. */
export type StartLine =
  | {
      readonly kind: 'request';
      readonly method: string;
      readonly uri: string;
      /** Why the request is refused whatever its fields are. */
      readonly fault: HeadFault | null;
    }
  | { readonly kind: 'response'; readonly code: number; readonly fault: null };

const requestLine = /^([A-Za-z0-9.!%*_+`'~-]+) ([^ \t]+) SIP\/2\.0$/i;
const looseRequestLine = /^([A-Za-z0-9.!%*_+`'~-]+)[ \t]([^]*)[ \t]SIP\/(\d+\.\d+)[ \t]*$/i;
const statusLine = /^SIP\/2\.0 ([1-6]\d\d)(?: |$)/i;
// Whatever the scheme: no control character, white space, quotation mark or angle bracket.
const plainUri = /^[A-Za-z][A-Za-z0-9+.-]*:[\x21\x23-\x3b\x3d\x3f-\x7e]+$/;
const sipScheme = /^sips?:/i;

const malformedLine: HeadFault = { code: 400, reason: 'Bad Request: the request line is malformed' };
const malformedUri: HeadFault = { code: 400, reason: 'Bad Request: the Request-URI is malformed' };
const headersInUri: HeadFault = { code: 400, reason: 'Bad Request: the Request-URI has headers' };
const otherVersion: HeadFault = { code: 505, reason: 'Version Not Supported' };

/** Reads the first line, without its CRLF; null when it is neither a request's nor a response's. */
export function readStartLine(line: string): StartLine | null {
  const [, method, uri] = requestLine.exec(line) ?? [];
  if (method !== undefined && uri !== undefined) return { kind: 'request', method, uri, fault: faultOfUri(uri) };
  const code = statusLine.exec(line)?.[1];
  if (code !== undefined) return { kind: 'response', code: Number(code), fault: null };
  return readLooseLine(line);
}

// RFC 4475 §3.1.2.8 to §3.1.2.10 and §3.1.2.16: what can be told from such a line is enough for an answer.
function readLooseLine(line: string): StartLine | null {
  const [, method, rest, version] = looseRequestLine.exec(line) ?? [];
  if (method === undefined || rest === undefined) return null;
  const uri = rest.replace(/^[ \t]+/, '').slice(0, 500);
  return { kind: 'request', method, uri, fault: version === '2.0' ? malformedLine : otherVersion };
}

// RFC 3261 §8.1.1.1 and §19.1.1: no white space, no brackets around it, no headers in it.
function faultOfUri(uri: string): HeadFault | null {
  if (!plainUri.test(uri)) return malformedUri;
  // RFC 3261 §25.1: a user part may hold a ? too; the @ behind it is the only one that is not escaped.
  return sipScheme.test(uri) && uri.includes('?', uri.indexOf('@') + 1) ? headersInUri : null;
}
