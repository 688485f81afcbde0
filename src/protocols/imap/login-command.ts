import { Buffer } from 'node:buffer';
import type { ClientExchange } from '../sasl/client-exchange.js';
import { chooseMechanism } from '../sasl/client-mechanisms.js';
import type { LoginCredentials, PasswordCredentials } from '../sasl/login-credentials.js';
import { quoted } from './syntax.js';

/** How to log in at a server: the pieces are sent one by one, each but the first after the server's `+`. */
export type LoginCommand =
  | {
      readonly kind: 'pieces';
      readonly pieces: readonly [Buffer, ...Buffer[]];
      /** So many pieces at the end are wanted only by a server that refuses (RFC 7628 §3.2.3). */
      readonly spareCount: number;
    }
  | { readonly kind: 'impossible'; readonly reason: string };

// RFC 9051 §4: servers take command lines of 8192 octets; a response to a challenge may be longer.
const lineLengthMax = 8192;

/**
 * Chooses among the mechanisms and, as the last way for a password, the command LOGIN.
 * @param capabilities in upper case
 * @param demanded the only mechanism to be used, in any case; null: what the server offers
 */
export function loginCommand(
  tag: string,
  credentials: LoginCredentials,
  capabilities: ReadonlySet<string>,
  demanded: string | null,
): LoginCommand {
  const offered = [...capabilities].filter((name) => name.startsWith('AUTH=')).map((name) => name.slice(5));
  const choice = chooseMechanism(credentials, offered, demanded);
  if (choice.kind === 'chosen') {
    const spareCount = credentials.kind === 'token' ? 1 : 0;
    return { kind: 'pieces', pieces: authenticate(tag, choice.exchange, capabilities.has('SASL-IR')), spareCount };
  }
  const mayCommand = (demanded === null || /^LOGIN$/i.test(demanded)) && !capabilities.has('LOGINDISABLED');
  if (mayCommand && credentials.kind === 'password' && isOneIdentity(credentials)) {
    return { kind: 'pieces', pieces: login(tag, credentials, capabilities), spareCount: 0 };
  }
  return { kind: 'impossible', reason: choice.reason };
}

type Pieces = readonly [Buffer, ...Buffer[]];

function authenticate(tag: string, exchange: ClientExchange, mayBeginAtOnce: boolean): Pieces {
  const command = `${tag} AUTHENTICATE ${exchange.mechanism}`;
  const fits = command.length + (exchange.initialLength ?? 0) + 3 <= lineLengthMax;
  const initial = mayBeginAtOnce && fits ? exchange.takeInitial() : null;
  // RFC 4959 §3: `=` stands for an empty response.
  const first = Buffer.from(`${command}${initial === null ? '' : ` ${initial || '='}`}\r\n`);
  const others: Buffer[] = [];
  for (let answer = exchange.answer(); answer !== null; answer = exchange.answer()) {
    others.push(Buffer.from(`${answer}\r\n`));
  }
  return [first, ...others];
}

/** RFC 9051 §6.2.3. */
function login(tag: string, { user, password }: PasswordCredentials, capabilities: ReadonlySet<string>): Pieces {
  const text = `${tag} LOGIN ${argument(user, capabilities)} ${argument(password, capabilities)}\r\n`;
  const [first = '', ...others] = text.split(pause);
  return [Buffer.from(first), ...others.map((piece) => Buffer.from(piece))];
}

/** Stands where we must wait for the server; credentials hold no NUL. */
const pause = '\0';

/** A quoted string, or a literal where the text is not plain ASCII (RFC 9051 §4.3, RFC 7888). */
function argument(text: string, capabilities: ReadonlySet<string>): string {
  if (/^[\t\u0020-\u007e]*$/.test(text)) return quoted(text);
  const sizeBytes = Buffer.byteLength(text);
  const immediate = capabilities.has('LITERAL+') || (capabilities.has('LITERAL-') && sizeBytes <= 4096);
  return immediate ? `{${sizeBytes}+}\r\n${text}` : `{${sizeBytes}}\r\n${pause}${text}`;
}

function isOneIdentity({ user, authorizationId }: PasswordCredentials): boolean {
  return authorizationId === '' || authorizationId === user;
}
