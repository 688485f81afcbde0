/** The user a token message names ('' for none), or what is wrong with the message. */
export type BearerMessage =
  | { readonly kind: 'user'; readonly user: string }
  | { readonly kind: 'malformed'; readonly reason: string };

const otherControl = /[\u0000\u0002-\u001f\u007f]/;
// RFC 6750 §2.1: the token is a b64token.
const bearer = /^Bearer +[A-Za-z0-9._~+/-]+=*$/i;

/** XOAUTH2: `user=ann@x^Aauth=Bearer token^A^A`. */
export function readXoauth2(message: string): BearerMessage {
  const pairs = readPairs(message);
  const user = pairs?.get('user');
  if (pairs === undefined || user === undefined || pairs.size !== 2) return malformed;
  if (user === '') return { kind: 'malformed', reason: 'The user name is empty.' };
  return bearer.test(pairs.get('auth') ?? '') ? { kind: 'user', user } : malformed;
}

/** RFC 7628 §3.1: `n,a=ann@x,^Ahost=...^Aauth=Bearer token^A^A`; `n,,` names nobody. */
export function readOauthBearer(message: string): BearerMessage {
  const headerEnd = message.indexOf('\u0001');
  // RFC 5801 §4: `p=` asks for channel binding, which this mechanism does not have.
  const header = /^[ny],(?:a=((?:[^,=]|=2C|=3D)+))?,$/u.exec(message.slice(0, Math.max(headerEnd, 0)));
  const pairs = readPairs(message.slice(headerEnd + 1));
  if (header === null || pairs === undefined || !bearer.test(pairs.get('auth') ?? '')) return malformed;
  const user = (header[1] ?? '').replaceAll('=2C', ',').replaceAll('=3D', '=');
  return { kind: 'user', user };
}

const malformed: BearerMessage = { kind: 'malformed', reason: 'The SASL response holds no bearer token.' };

/** `key=value^A` pairs up to the last `^A`; undefined when there is anything else, or a key twice. */
function readPairs(text: string): ReadonlyMap<string, string> | undefined {
  if (otherControl.test(text) || !text.endsWith('\u0001\u0001')) return undefined;
  const pairs = new Map<string, string>();
  for (const pair of text.slice(0, -2).split('\u0001')) {
    const [, key, value] = /^([A-Za-z]+)=(.*)$/s.exec(pair) ?? [];
    if (key === undefined || value === undefined || pairs.has(key.toLowerCase())) return undefined;
    pairs.set(key.toLowerCase(), value);
  }
  return pairs;
}
