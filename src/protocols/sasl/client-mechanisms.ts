import { Buffer } from 'node:buffer';
import { ClientExchange } from './client-exchange.js';
import { credentialsProblem } from './credentials-problem.js';
import type { LoginCredentials, PasswordCredentials, SaslMechanism, TokenCredentials } from './login-credentials.js';
import { encodePlain } from './plain.js';

/** The mechanism to log in with at a server, or why there is none; the reason holds no credential. */
export type MechanismChoice =
  | { readonly kind: 'chosen'; readonly exchange: ClientExchange }
  | { readonly kind: 'unusable'; readonly reason: string };

// RFC 4954 §4, RFC 5034 §4: a line of the exchange has at most 12288 octets, CRLF among them.
const responseLengthMax = 12_286;
const oauthErrorAnswer: Readonly<Record<TokenCredentials['mechanism'], string>> = {
  XOAUTH2: '',
  // RFC 7628 §3.2.3: %x01.
  OAUTHBEARER: 'AQ==',
};

/**
 * Chooses how to log in with these credentials.
 * @param offered the server's mechanisms in upper case
 * @param demanded the only mechanism to be used, in any case; null: the best that is offered
 */
export function chooseMechanism(
  credentials: LoginCredentials,
  offered: readonly string[],
  demanded: string | null,
): MechanismChoice {
  const problem = credentials.kind === 'password' ? credentialsProblem(credentials) : problemOfToken(credentials);
  if (problem !== undefined) return unusable(`the credentials cannot be sent: ${problem}`);
  const fitting = mechanismsFor(credentials);
  const asked = demanded?.toUpperCase() ?? null;
  const usable = asked === null ? fitting : fitting.filter((name) => name === asked);
  if (usable.length === 0) return unusable(`the credentials do not fit the mechanism "${asked}"`);
  const name = usable.find((name) => offered.includes(name));
  if (name === undefined) return unusable(`the server does not offer AUTH ${usable.join(' or ')}`);
  const { initial, responses } = partsOf(name, credentials);
  if ([initial ?? '', ...responses].some((text) => text.length > responseLengthMax)) {
    return unusable('the credentials are too long');
  }
  return { kind: 'chosen', exchange: new ClientExchange(name, initial, responses) };
}

function mechanismsFor(credentials: LoginCredentials): readonly SaslMechanism[] {
  if (credentials.kind === 'token') return [credentials.mechanism];
  const { user, authorizationId } = credentials;
  // LOGIN names one identity only.
  return authorizationId === '' || authorizationId === user ? ['PLAIN', 'LOGIN'] : ['PLAIN'];
}

function partsOf(name: SaslMechanism, credentials: LoginCredentials) {
  if (credentials.kind === 'token') {
    return { initial: base64(credentials.message), responses: [oauthErrorAnswer[credentials.mechanism]] };
  }
  return name === 'LOGIN' ? partsOfLogin(credentials) : { initial: encodePlain(credentials), responses: [] };
}

function partsOfLogin({ user, password }: PasswordCredentials) {
  return { initial: null, responses: [base64(user), base64(password)] };
}

function problemOfToken({ message }: TokenCredentials): string | undefined {
  return message === '' ? 'The message is empty.' : undefined;
}

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

function unusable(reason: string): MechanismChoice {
  return { kind: 'unusable', reason };
}
