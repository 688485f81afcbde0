import type { ClientExchange } from '../sasl/client-exchange.js';
import { chooseMechanism } from '../sasl/client-mechanisms.js';
import { credentialsProblem } from '../sasl/credentials-problem.js';
import type { LoginCredentials, PasswordCredentials } from '../sasl/login-credentials.js';
import type { LoginFailure } from '../sasl/login-protocol.js';
import type { PopReply } from './syntax.js';

/** What a server says it can do; undefined when it does not know CAPA, which RFC 1939 servers need not. */
export type PopCapabilities = ReadonlyMap<string, readonly string[]> | undefined;

/** What the server has not been told yet. */
export type LoginTurn =
  | { readonly kind: 'password'; readonly passLine: string }
  | { readonly kind: 'verdict' }
  /** `answersDue`: so many answers at least before the server can know whom it lets in. */
  | { readonly kind: 'exchange'; readonly exchange: ClientExchange; readonly answersDue: number };

/** What comes of a choice or of a reply that is no refusal. */
export type LoginProgress =
  | { readonly kind: 'send'; readonly output: string; readonly turn: LoginTurn }
  /** `text`: what the server said. */
  | { readonly kind: 'accepted'; readonly text: string }
  | { readonly kind: 'out-of-turn' }
  | { readonly kind: 'impossible'; readonly failure: LoginFailure };

/** RFC 5034 §4: AUTH with an initial response may have so many bytes, line end included. */
const authLineLengthMax = 255;
const outOfTurn: LoginProgress = { kind: 'out-of-turn' };

/**
 * Begins the login by what the server offers: the best mechanism, else USER and PASS.
 * @param demanded the only mechanism to be used; null: any, and USER and PASS too
 */
export function beginLogin(
  credentials: LoginCredentials,
  capabilities: PopCapabilities,
  demanded: string | null,
): LoginProgress {
  const problem = credentials.kind === 'password' ? credentialsProblem(credentials) : undefined;
  if (problem !== undefined) return impossible('internal', `credentials that no server may see: ${problem}`);
  const choice = chooseMechanism(credentials, capabilities?.get('SASL') ?? [], demanded);
  if (choice.kind === 'chosen') return beginExchange(choice.exchange);
  const isUserKnown = capabilities === undefined || capabilities.has('USER');
  if (credentials.kind === 'token' || demanded !== null || !isUserKnown) {
    return impossible('remote-configuration', choice.reason);
  }
  return beginPassword(credentials);
}

/** Goes on behind `+OK` or a challenge. */
export function continueLogin(
  turn: LoginTurn,
  reply: PopReply & { readonly kind: 'ok' | 'continuation' },
): LoginProgress {
  switch (turn.kind) {
    case 'password':
      return reply.kind === 'ok' ? { kind: 'send', output: turn.passLine, turn: { kind: 'verdict' } } : outOfTurn;
    case 'verdict':
      return reply.kind === 'ok' ? { kind: 'accepted', text: reply.text } : outOfTurn;
    case 'exchange':
      break;
  }
  const { exchange, answersDue } = turn;
  if (reply.kind === 'ok') return answersDue === 0 ? { kind: 'accepted', text: reply.text } : outOfTurn;
  const answer = exchange.answer();
  if (answer === null) return outOfTurn;
  return {
    kind: 'send',
    output: `${answer}\r\n`,
    turn: { kind: 'exchange', exchange, answersDue: Math.max(0, answersDue - 1) },
  };
}

function beginExchange(exchange: ClientExchange): LoginProgress {
  const command = `AUTH ${exchange.mechanism}`;
  const lineLength = command.length + 1 + (exchange.initialLength ?? 0) + 2;
  const initial = lineLength <= authLineLengthMax ? exchange.takeInitial() : null;
  const answersDue = exchange.mechanism === 'LOGIN' ? 2 : initial === null ? 1 : 0;
  const output = initial === null ? `${command}\r\n` : `${command} ${initial}\r\n`;
  return { kind: 'send', output, turn: { kind: 'exchange', exchange, answersDue } };
}

function beginPassword({ user, authorizationId, password }: PasswordCredentials): LoginProgress {
  if (authorizationId !== '' && authorizationId !== user) {
    const reason = 'the server offers no SASL PLAIN, which an authorization identity needs';
    return impossible('remote-configuration', reason);
  }
  const turn = { kind: 'password', passLine: `PASS ${password}\r\n` } as const;
  return { kind: 'send', output: `USER ${user}\r\n`, turn };
}

function impossible(kind: LoginFailure['kind'], detail: string): LoginProgress {
  return { kind: 'impossible', failure: { kind, detail } };
}
