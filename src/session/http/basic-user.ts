const credentialsLengthMax = 4096;

/** The user name of Basic credentials (RFC 7617 §2); null when there are none or they cannot be read. */
export function basicUser(authorization: string | undefined): string | null {
  if (authorization === undefined || authorization.length > credentialsLengthMax) return null;
  const encoded = /^basic +([A-Za-z0-9+/_-]+={0,2}) *$/i.exec(authorization)?.[1];
  if (encoded === undefined) return null;
  const bytes = Buffer.from(encoded, 'base64');
  const colon = bytes.indexOf(':');
  if (colon < 1) return null;
  const user = textOf(bytes.subarray(0, colon));
  return /[\u0000-\u001f\u007f]/.test(user) ? null : user;
}

// Older clients send Latin-1.
function textOf(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  return text.includes('\ufffd') ? bytes.toString('latin1') : text;
}
