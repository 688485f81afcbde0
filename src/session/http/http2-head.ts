import { credentialsScope } from '../../protocols/http/credentials-scope.js';
import { tokenKeyOf } from '../../protocols/http/field-names.js';
import { isHost } from '../../protocols/http/host-field.js';
import type { BodyFraming, FieldLines, Refusal, RequestHead } from '../../protocols/http/http-message.js';
import { headLimits } from './web-limits.js';

/** What the fields of a stream's head are. */
export type Http2Request =
  | { readonly kind: 'request'; readonly head: RequestHead }
  /** A request that only HTTP/1.1 carries (RFC 9113 §7, HTTP_1_1_REQUIRED). */
  | { readonly kind: 'over-http1' }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

const methodPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}$/;
// RFC 9113 §8.2.1
const badValuePattern = /[^\t -~\u0080-\u00ff]|^[\t ]|[\t ]$/;
const pathPattern = /^\/[!-~]*$/;
const lengthPattern = /^[0-9]{1,15}$/;
const rpcPathPattern = /^\/rpc(?:withcert)?(?:[/?]|$)/i;

// RFC 9113 §8.2.2
const connectionFields: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/** The name in lower case if a field of this name may stand in a message of HTTP/2 (RFC 9113 §8.2), else undefined. */
export function http2FieldKey(name: string): string | undefined {
  const key = tokenKeyOf(name);
  return key === undefined || connectionFields.has(key) ? undefined : key;
}

/** Whether a value holds what none may hold (RFC 9113 §8.2.1). */
export function isBadHttp2Value(value: string): boolean {
  return badValuePattern.test(value);
}

/**
 * Reads a request's head: names and values in turn as the stream brought them, pseudo-fields too. What two readers of
 * HTTP/1.1 could take for something else is refused, whether or not the library has let it through.
 */
export function readHttp2Head(raw: FieldLines, body: 'none' | 'follows'): Http2Request {
  if (raw.length > 2 * headLimits.fieldsMax) return refused(431, 'too many header fields');
  const fields = new Fields();
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const refusal = fields.take(raw[index] ?? '', raw[index + 1] ?? '');
    if (refusal !== null) return { kind: 'refused', refusal };
  }
  return fields.request(body);
}

type Once = ':method' | ':scheme' | ':path' | ':authority' | 'host' | 'content-length' | 'te' | 'expect';

class Fields {
  readonly #once = new Map<Once, string>();
  readonly #lines: string[] = [];
  #hasBoundCredentials = false;
  #bytes = 0;

  /** Null: it was taken. */
  take(name: string, value: string): Refusal | null {
    const length = name.length + value.length;
    if (length > headLimits.lineLengthMax) return { status: 431, text: 'a header field is too long' };
    // The library holds a client to its settings only when the client has acknowledged them.
    this.#bytes += length;
    if (this.#bytes > headLimits.headBytesMax) return { status: 431, text: 'the header is too large' };
    if (badValuePattern.test(value)) return malformed('a header field holds characters that it must not hold');
    switch (name) {
      case ':method':
      case ':scheme':
      case ':path':
      case ':authority':
        if (this.#lines.length > 0) return malformed('a pseudo-field follows a field');
        return this.#takeOnce(name, value);
      case 'host':
        return this.#takeOnce(name, value);
      case 'content-length':
      case 'te':
      case 'expect':
        this.#lines.push(name, value);
        return this.#takeOnce(name, value);
      default:
        return this.#takeLine(name, value);
    }
  }

  #takeOnce(name: Once, value: string): Refusal | null {
    if (this.#once.has(name)) return malformed('a field that may come once came twice');
    this.#once.set(name, value);
    return null;
  }

  #takeLine(name: string, value: string): Refusal | null {
    if (tokenKeyOf(name) !== name) return malformed('a header field has a name that it must not have');
    if (connectionFields.has(name)) return malformed('a field is of the connection, which HTTP/2 has no fields for');
    if (name === 'authorization' && credentialsScope(value) === 'connection') this.#hasBoundCredentials = true;
    this.#lines.push(name, value);
    return null;
  }

  request(body: 'none' | 'follows'): Http2Request {
    const method = this.#once.get(':method') ?? '';
    const target = this.#once.get(':path') ?? '';
    // RFC 9113 §8.5: it makes a tunnel, and there are none here.
    if (method === 'CONNECT') return refused(501, 'CONNECT is not served here');
    const refusal = this.#refusalOf(method, target);
    if (refusal !== null) return { kind: 'refused', refusal };
    if (this.#hasBoundCredentials || method.startsWith('RPC_') || rpcPathPattern.test(target)) {
      return { kind: 'over-http1' };
    }
    const framing = this.#framing(body);
    if (framing === null) return refused(400, 'the length of the body cannot be read');
    const host = this.#once.get(':authority') ?? this.#once.get('host') ?? '';
    const head: RequestHead = {
      method,
      target,
      version: '2',
      fields: ['host', host, ...this.#lines],
      host,
      framing,
      isPersistent: true,
      expectsContinue: this.#once.has('expect') && framing.kind !== 'none',
      upgrade: null,
    };
    return { kind: 'request', head };
  }

  #refusalOf(method: string, target: string): Refusal | null {
    if (!methodPattern.test(method)) return malformed('the method cannot be read');
    const scheme = this.#once.get(':scheme');
    if (scheme !== 'https' && scheme !== 'http') return malformed('the scheme is neither https nor http');
    if (!pathPattern.test(target) && !(target === '*' && method === 'OPTIONS')) {
      return malformed('the request target cannot be used');
    }
    const te = this.#once.get('te');
    const expect = this.#once.get('expect');
    if (te !== undefined && te.toLowerCase() !== 'trailers') return malformed('TE may only say trailers');
    if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
      return { status: 417, text: 'only 100-continue can be expected' };
    }
    return this.#hostRefusal();
  }

  // RFC 9113 §8.3.1: where both are there, they name the same.
  #hostRefusal(): Refusal | null {
    const authority = this.#once.get(':authority');
    const host = this.#once.get('host');
    const named = authority ?? host;
    if (named === undefined || !isHost(named)) return malformed('the host cannot be read');
    if (authority === undefined || host === undefined || authority.toLowerCase() === host.toLowerCase()) return null;
    return malformed('two hosts are named');
  }

  #framing(body: 'none' | 'follows'): BodyFraming | null {
    const length = this.#once.get('content-length');
    if (length !== undefined && !lengthPattern.test(length)) return null;
    if (body === 'none') return length === undefined || Number(length) === 0 ? { kind: 'none' } : null;
    return length === undefined ? { kind: 'chunked' } : { kind: 'length', length: Number(length) };
  }
}

const malformed = (text: string): Refusal => ({ status: 400, text });

const refused = (status: number, text: string): Http2Request => ({ kind: 'refused', refusal: { status, text } });
