import { addressLengthMax } from '../topology/mail-address.js';

const credentialsLengthMax = 4096;
const tokenLengthMax = 16_384;
const nameLengthMax = 1000;
const controls = /[\u0000-\u001f\u007f]/;

/** The user name of Basic credentials (RFC 7617 §2); null when there are none or they cannot be read. */
export function basicUser(authorization: string | undefined): string | null {
  if (authorization === undefined || authorization.length > credentialsLengthMax) return null;
  const encoded = /^basic +([A-Za-z0-9+/_-]+={0,2}) *$/i.exec(authorization)?.[1];
  if (encoded === undefined) return null;
  const bytes = Buffer.from(encoded, 'base64');
  const colon = bytes.indexOf(':');
  if (colon < 1) return null;
  const user = textOf(bytes.subarray(0, colon));
  return controls.test(user) ? null : user;
}

// Older clients send Latin-1.
function textOf(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  return text.includes('\ufffd') ? bytes.toString('latin1') : text;
}

// Best first: what tokens of Exchange, Entra ID, AD FS and OpenID Connect call an account.
const claimNames = ['smtp', 'upn', 'preferred_username', 'unique_name', 'email'];

/**
 * The account that the claims of a Bearer token name (RFC 7519 §3), an address; null when there is none. The token is
 * not verified: what it says is good for finding a server, which will.
 */
export function bearerUser(authorization: string | undefined): string | null {
  if (authorization === undefined || authorization.length > tokenLengthMax) return null;
  if (!/^bearer /i.test(authorization)) return null;
  const header = authorization.indexOf('.');
  const end = authorization.indexOf('.', header + 1);
  const claims = header === -1 || end === -1 ? null : claimsOf(authorization.slice(header + 1, end));
  if (claims === null) return null;
  for (const name of claimNames) {
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
    if (typeof value === 'string' && isAddressLike(value)) return value;
  }
  return null;
}

function claimsOf(payload: string): Readonly<Record<string, unknown>> | null {
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null ? (claims as Readonly<Record<string, unknown>>) : null;
  } catch {
    return null; // no claims: an opaque token, or one that is encrypted
  }
}

function isAddressLike(text: string): boolean {
  return text.length <= addressLengthMax && text.indexOf('@') > 0 && !/[\u0000-\u0020\u007f]/.test(text);
}

const formFieldsMax = 1000;

/** The value of the first field of a posted form with one of these names, which are in lower case; null: none has one. */
export function formsUser(form: string, names: ReadonlySet<string>): string | null {
  for (const field of form.split('&', formFieldsMax)) {
    const equals = field.indexOf('=');
    if (equals < 1 || equals > nameLengthMax || !names.has(formText(field.slice(0, equals)).toLowerCase())) continue;
    const value = formText(field.slice(equals + 1)).trim();
    if (value !== '' && value.length <= nameLengthMax && !controls.test(value)) return value;
  }
  return null;
}

/** Decodes a piece of a form or query; a stray % sign leaves it as it is. */
export function formText(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced; // a stray % sign: the text itself is what was meant
  }
}

// `<EMailAddress>` of POX, `<a:Mailbox>` of SOAP.
const addressElement = /<(?:[\w.-]{1,64}:)?(?:EMailAddress|Mailbox)(?:\s[^<>]{0,500})?>([^<>]{1,2000})</i;

/** The address that an Autodiscover request asks about; null when it names none. */
export function autodiscoverAddress(body: string): string | null {
  const text = addressElement.exec(body)?.[1];
  if (text === undefined) return null;
  const address = text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,4}));/gi, entityText).trim();
  return address !== '' && address.length <= nameLengthMax && !controls.test(address) ? address : null;
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

// XML 1.0 §4.1, §4.6.
function entityText(entity: string, decimal?: string, hex?: string, name?: string): string {
  if (name !== undefined) return Object.hasOwn(entities, name) ? (entities[name] ?? entity) : entity;
  const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
  return code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : entity;
}
