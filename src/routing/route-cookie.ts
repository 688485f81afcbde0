import { createHmac, timingSafeEqual } from 'node:crypto';

/** Cookies that remember whose mailbox a client works with: after a forms login, and where affinity was asked for. */
export const routeCookieNames = { session: 'X-BackEndCookie', override: 'X-BackEndOverrideCookie' } as const;

export type RouteCookieKind = keyof typeof routeCookieNames;

/** The mailboxes that the valid cookies of a request name, by their addresses. */
export interface RouteCookies {
  readonly session: string | null;
  readonly override: string | null;
  /** Whether one of them is old enough to be renewed. */
  readonly isRenewalDue: boolean;
}

const lifetimeS = 3600;
const renewalAgeS = 300;
const valueLengthMax = 1024;

interface ReadCookie {
  readonly mailbox: string;
  readonly expiresS: number;
}

/**
 * Reads a request's Cookie field. A cookie that is forged or expired names nobody, of several the first valid one does;
 * null when none names somebody. `keys` come newest first and all of them verify.
 */
export function readRouteCookies(
  cookieHeader: string | undefined,
  keys: readonly Buffer[],
  nowMs: number,
): RouteCookies | null {
  if (cookieHeader === undefined || !cookieHeader.includes('X-BackEnd')) return null;
  const session = firstValid(cookieHeader, routeCookieNames.session, keys, nowMs);
  const override = firstValid(cookieHeader, routeCookieNames.override, keys, nowMs);
  if (session === null && override === null) return null;
  const isOld = (cookie: ReadCookie | null): boolean =>
    cookie !== null && nowMs / 1000 - (cookie.expiresS - lifetimeS) > renewalAgeS;
  return {
    session: session?.mailbox ?? null,
    override: override?.mailbox ?? null,
    isRenewalDue: isOld(session) || isOld(override),
  };
}

// Of one name: a browser sends one for each path that it was set for.
const valuesMax = 4;

/** The first valid cookie of a name: that of the longest path (RFC 6265 §5.4). */
function firstValid(header: string, name: string, keys: readonly Buffer[], nowMs: number): ReadCookie | null {
  const prefix = `${name}=`;
  let left = valuesMax;
  for (let at = header.indexOf(prefix); at !== -1 && left > 0; at = header.indexOf(prefix, at + prefix.length)) {
    const before = header.slice(0, at).trimEnd();
    if (before !== '' && !before.endsWith(';')) continue;
    left -= 1;
    const end = header.indexOf(';', at);
    const cookie = readCookie(header.slice(at + prefix.length, end === -1 ? undefined : end).trimEnd(), keys, nowMs);
    if (cookie !== null) return cookie;
  }
  return null;
}

function readCookie(value: string, keys: readonly Buffer[], nowMs: number): ReadCookie | null {
  if (value.length > valueLengthMax) return null;
  const cookie = verifiedBefore(value, keys) ?? verify(value, keys);
  return cookie !== null && cookie.expiresS * 1000 > nowMs ? cookie : null;
}

const verifiedMax = 4096;
// A client sends its cookie with every request, and a signature takes longer than all the rest of routing.
const verified = new WeakMap<Buffer, Map<string, ReadCookie>>();

function verifiedBefore(value: string, keys: readonly Buffer[]): ReadCookie | undefined {
  for (const key of keys) {
    const cookie = verified.get(key)?.get(value);
    if (cookie) return cookie;
  }
  return undefined;
}

function remember(value: string, key: Buffer, cookie: ReadCookie): void {
  const known = verified.get(key) ?? new Map<string, ReadCookie>();
  if (known.size >= verifiedMax) known.clear();
  // A copy: a slice would keep the whole field that it came in.
  known.set(Buffer.from(value).toString(), cookie);
  verified.set(key, known);
}

function verify(value: string, keys: readonly Buffer[]): ReadCookie | null {
  const [, signed, expires, mailbox, signature] =
    /^(1\.([0-9a-z]{1,9})\.([A-Za-z0-9_-]+))\.([A-Za-z0-9_-]{43})$/.exec(value) ?? [];
  if (signed === undefined || expires === undefined || mailbox === undefined || signature === undefined) return null;
  const given = Buffer.from(signature);
  const key = keys.find((key) => timingSafeEqual(Buffer.from(signatureOf(signed, key)), given));
  if (key === undefined) return null;
  const cookie = {
    mailbox: Buffer.from(mailbox, 'base64url').toString('utf8'),
    expiresS: Number.parseInt(expires, 36),
  };
  remember(value, key, cookie);
  return cookie;
}

const signatureOf = (text: string, key: Buffer): string => createHmac('sha256', key).update(text).digest('base64url');

/** The value of a cookie that names a mailbox, by its address, for an hour. */
export function makeRouteCookie(mailbox: string, key: Buffer, nowMs: number): string {
  const expires = (Math.floor(nowMs / 1000) + lifetimeS).toString(36);
  const signed = `1.${expires}.${Buffer.from(mailbox, 'utf8').toString('base64url')}`;
  return `${signed}.${signatureOf(signed, key)}`;
}

/** A Set-Cookie field's value (RFC 6265 §4.1). */
export function setCookieValue(
  name: string,
  value: string,
  options: { readonly path: string; readonly isSecure: boolean },
): string {
  const text = `${name}=${value}; Path=${options.path}; Max-Age=${lifetimeS}; HttpOnly; SameSite=Lax`;
  return options.isSecure ? `${text}; Secure` : text;
}
