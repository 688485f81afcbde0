import { credentialsProblem } from '../sasl/credentials-problem.js';
import type { Credentials } from '../sasl/login-protocol.js';
import { decodePlain } from '../sasl/plain.js';
import type { PopCommand } from './syntax.js';

/** What the connection allows now. */
export interface CommandPolicy {
  readonly stls: 'absent' | 'offered' | 'active';
  readonly login: 'allowed' | 'needs-tls';
}

/** What a command brings about. */
export type Reaction =
  | { readonly kind: 'wait'; readonly output: string }
  /** `user` is the name that a PASS will belong to. */
  | { readonly kind: 'reply'; readonly output: string; readonly user: string | undefined }
  /** A reply to something that counts against the client. */
  | { readonly kind: 'bad'; readonly output: string }
  | { readonly kind: 'sasl-response'; readonly output: string }
  | { readonly kind: 'login'; readonly output: string; readonly credentials: Credentials }
  | { readonly kind: 'start-tls'; readonly output: string }
  | { readonly kind: 'close'; readonly output: string; readonly reason: string };

const needsTls = 'A password is not allowed before TLS.';

/** Commands without arguments. */
const bareCommands: ReadonlySet<string> = new Set(['CAPA', 'STLS', 'QUIT']);

/** Commands of the state after the login (RFC 1939 §5, §7; RFC 6856). */
const laterCommands: ReadonlySet<string> = new Set('STAT LIST RETR DELE NOOP RSET TOP UIDL LANG UTF8'.split(' '));

/** Carries out a command of the state before login. @param user the name of the USER before */
export function reactToCommand(command: PopCommand, user: string | undefined, policy: CommandPolicy): Reaction {
  const { name, argument } = command;
  if (bareCommands.has(name) && argument !== undefined) return bad(`Wrong arguments of ${name}.`);
  switch (name) {
    case 'CAPA':
      return { kind: 'reply', output: capabilityReply(policy), user };
    case 'STLS':
      if (policy.stls === 'offered') return { kind: 'start-tls', output: '' };
      return bad(policy.stls === 'active' ? 'TLS is active already.' : 'STLS is not offered.');
    case 'USER':
      return policy.login === 'allowed' ? nameUser(argument) : bad(needsTls);
    case 'PASS':
      return policy.login === 'allowed' ? logIn(user, argument) : bad(needsTls);
    case 'AUTH':
      return authenticate(argument, user, policy);
    case 'QUIT':
      return { kind: 'close', output: '+OK Logging out.\r\n', reason: 'logged out' };
    default:
      return bad(laterCommands.has(name) ? 'Log in first.' : 'Unknown command.');
  }
}

/** RFC 2449 §6. */
function capabilityReply(policy: CommandPolicy): string {
  const names = ['TOP', 'UIDL', 'RESP-CODES', 'AUTH-RESP-CODE', 'PIPELINING'];
  if (policy.stls === 'offered') names.push('STLS');
  if (policy.login === 'allowed') names.push('USER', 'SASL PLAIN');
  return `+OK\r\n${names.join('\r\n')}\r\n.\r\n`;
}

function nameUser(argument: string | undefined): Reaction {
  if (argument === undefined) return bad('Wrong arguments of USER.');
  const problem = credentialsProblem({ user: argument, authorizationId: '', password: 'not known yet' });
  return problem === undefined ? { kind: 'reply', output: '+OK\r\n', user: argument } : bad(problem);
}

/** RFC 1939 §7: everything behind `PASS ` is the password. */
function logIn(user: string | undefined, argument: string | undefined): Reaction {
  if (user === undefined) return bad('Say USER first.');
  if (argument === undefined) return bad('Wrong arguments of PASS.');
  const credentials = { user, authorizationId: '', password: argument };
  const problem = credentialsProblem(credentials);
  return problem === undefined ? { kind: 'login', output: '', credentials } : bad(problem);
}

/** RFC 5034 §4; without an argument it lists the mechanisms, as clients older than CAPA ask. */
function authenticate(argument: string | undefined, user: string | undefined, policy: CommandPolicy): Reaction {
  if (argument === undefined) {
    return { kind: 'reply', output: policy.login === 'allowed' ? '+OK\r\nPLAIN\r\n.\r\n' : '+OK\r\n.\r\n', user };
  }
  if (policy.login === 'needs-tls') return bad(needsTls);
  const [mechanism, initial, ...others] = argument.split(' ');
  if (others.length > 0) return bad('Wrong arguments of AUTH.');
  if (mechanism?.toUpperCase() !== 'PLAIN') return bad('This mechanism is not offered.');
  if (initial === undefined) return { kind: 'sasl-response', output: '+ \r\n' };
  // RFC 5034 §4: `=` stands for an empty response.
  const message = decodePlain(initial === '=' ? '' : initial);
  return message.kind === 'malformed'
    ? bad(message.reason)
    : { kind: 'login', output: '', credentials: message.credentials };
}

function bad(words: string): Reaction {
  return { kind: 'bad', output: `-ERR ${words}\r\n` };
}
