export interface PlainCredentials {
  readonly user: string;
  readonly password: string;
}

/** The credentials of a SASL PLAIN response in base64; undefined when malformed or on behalf of another user. */
export function decodePlain(base64: string): PlainCredentials | undefined {
  const text = decodeBase64(base64);
  if (text === undefined) return undefined;
  // RFC 4616 §2: [authzid] NUL authcid NUL passwd
  const [authorization, user, password, ...rest] = text.split('\0');
  if (authorization === undefined || !user || password === undefined || rest.length > 0) return undefined;
  if (authorization !== '' && authorization.toLowerCase() !== user.toLowerCase()) return undefined;
  return { user, password };
}

/** The credentials of an `Authorization: Basic` header; undefined when absent or malformed. */
export function decodeBasic(header: string | undefined): PlainCredentials | undefined {
  const base64 = /^basic +(\S+) *$/i.exec(header ?? '')?.[1];
  const text = base64 === undefined ? undefined : decodeBase64(base64);
  const colon = text?.indexOf(':') ?? -1;
  if (text === undefined || colon < 1) return undefined;
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

function decodeBase64(base64: string): string | undefined {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? Buffer.from(base64, 'base64').toString('utf8') : undefined;
}
