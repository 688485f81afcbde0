import { decodeText, responseLengthMax } from './base64.js';
import { type BearerMessage, readOauthBearer, readXoauth2 } from './bearer-message.js';
import { credentialsProblem } from './credentials-problem.js';
import type { LoginCredentials, SaslMechanism } from './login-credentials.js';
import { decodePlain } from './plain.js';

/** Where an exchange with a client stands. */
export type MechanismStep =
  /** `text` is base64, maybe empty. Hand the client's next line to `respond`; a cancelling `*` is the protocol's. */
  | { readonly kind: 'challenge'; readonly text: string; readonly respond: (response: string) => MechanismStep }
  | { readonly kind: 'credentials'; readonly credentials: LoginCredentials }
  | { readonly kind: 'malformed'; readonly reason: string };

/** Begins an exchange as its server. @param initial the client's initial response in base64; null when it sent none */
export function beginMechanism(name: SaslMechanism, initial: string | null): MechanismStep {
  const first = firstResponse(name);
  return initial === null ? { kind: 'challenge', text: first.challenge, respond: first.take } : first.take(initial);
}

interface FirstResponse {
  readonly challenge: string;
  readonly take: (response: string) => MechanismStep;
}

function firstResponse(name: SaslMechanism): FirstResponse {
  switch (name) {
    case 'PLAIN':
      return { challenge: '', take: takePlain };
    case 'LOGIN':
      // `Username:` and `Password:`, for which clients look.
      return { challenge: 'VXNlcm5hbWU6', take: takeLoginUser };
    case 'XOAUTH2':
      return { challenge: '', take: (response) => takeToken('XOAUTH2', response, readXoauth2) };
    case 'OAUTHBEARER':
      return { challenge: '', take: (response) => takeToken('OAUTHBEARER', response, readOauthBearer) };
  }
}

function takePlain(response: string): MechanismStep {
  if (response.length > responseLengthMax) return malformed('The SASL response is too long.');
  const message = decodePlain(response);
  if (message.kind === 'malformed') return message;
  return { kind: 'credentials', credentials: { kind: 'password', ...message.credentials } };
}

function takeLoginUser(response: string): MechanismStep {
  const user = decodeText(response);
  if (user.kind === 'malformed') return user;
  return {
    kind: 'challenge',
    text: 'UGFzc3dvcmQ6',
    respond: (password) => takeLoginPassword(user.text, password),
  };
}

function takeLoginPassword(user: string, response: string): MechanismStep {
  const password = decodeText(response);
  if (password.kind === 'malformed') return password;
  const credentials = { kind: 'password', user, authorizationId: '', password: password.text } as const;
  const problem = credentialsProblem(credentials);
  return problem === undefined ? { kind: 'credentials', credentials } : malformed(problem);
}

function takeToken(
  mechanism: 'XOAUTH2' | 'OAUTHBEARER',
  response: string,
  read: (message: string) => BearerMessage,
): MechanismStep {
  const decoded = decodeText(response);
  if (decoded.kind === 'malformed') return decoded;
  const message = read(decoded.text);
  if (message.kind === 'malformed') return message;
  const { user } = message;
  return { kind: 'credentials', credentials: { kind: 'token', mechanism, user, message: decoded.text } };
}

function malformed(reason: string): MechanismStep {
  return { kind: 'malformed', reason };
}
