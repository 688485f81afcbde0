import { credentialsProblem } from '../sasl/credentials-problem.js';
import type { LoginCredentials, SaslMechanism } from '../sasl/login-credentials.js';
import { beginMechanism, type MechanismStep } from '../sasl/server-mechanisms.js';
import { capabilityReply } from './capability-reply.js';
import type { PopCommand } from './syntax.js';

/** What the connection allows now. */
export interface CommandPolicy {
  readonly stls: 'absent' | 'offered' | 'active';
  readonly login: 'allowed' | 'needs-tls';
  /** Offered where `login` is allowed. */
  readonly mechanisms: readonly SaslMechanism[];
  /** Lines of the servers' own answer to CAPA; null: not known. */
  readonly serverCapabilities: readonly string[] | null;
}

/** Takes the client's answer to a challenge, without its line end. */
export type Respond = (MechanismStep & { readonly kind: 'challenge' })['respond'];

/** What a command brings about. */
export type Reaction =
  | { readonly kind: 'wait'; readonly output: string }
  /** `user` is the name that a PASS will belong to. */
  | { readonly kind: 'reply'; readonly output: string; readonly user: string | undefined }
  /** A reply to something that counts against the client. */
  | { readonly kind: 'bad'; readonly output: string }
  | { readonly kind: 'challenge'; readonly output: string; readonly respond: Respond }
  | { readonly kind: 'login'; readonly output: string; readonly credentials: LoginCredentials }
  /** A proxy before us says how many proxies the login may still pass; `user` as in `reply`. */
  | { readonly kind: 'proxy-ttl'; readonly output: string; readonly user: string | undefined; readonly ttl: number }
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
    case 'XCLIENT':
      return hearOrigin(argument, user);
    case 'QUIT':
      return { kind: 'close', output: '+OK Logging out.\r\n', reason: 'logged out' };
    default:
      return bad(laterCommands.has(name) ? 'Log in first.' : 'Unknown command.');
  }
}

/** Goes on with the exchange of AUTH. @param response the client's line; `*` cancels (RFC 5034 §4) */
export function reactToResponse(response: string, respond: Respond): Reaction {
  return response === '*' ? bad('Authentication cancelled.') : reactToMechanism(respond(response));
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
  const credentials = { kind: 'password', user, authorizationId: '', password: argument } as const;
  const problem = credentialsProblem(credentials);
  return problem === undefined ? { kind: 'login', output: '', credentials } : bad(problem);
}

/** RFC 5034 §4; without an argument it lists the mechanisms, as clients older than CAPA ask. */
function authenticate(argument: string | undefined, user: string | undefined, policy: CommandPolicy): Reaction {
  if (argument === undefined) {
    const names = policy.login === 'allowed' ? policy.mechanisms : [];
    return { kind: 'reply', output: `+OK\r\n${names.map((name) => `${name}\r\n`).join('')}.\r\n`, user };
  }
  if (policy.login === 'needs-tls') return bad(needsTls);
  const [asked, initial, ...others] = argument.split(' ');
  if (others.length > 0) return bad('Wrong arguments of AUTH.');
  const mechanism = policy.mechanisms.find((name) => name === asked?.toUpperCase());
  if (mechanism === undefined) return bad('This mechanism is not offered.');
  // RFC 5034 §4: `=` stands for an empty response.
  return reactToMechanism(beginMechanism(mechanism, initial === '=' ? '' : (initial ?? null)));
}

function reactToMechanism(step: MechanismStep): Reaction {
  switch (step.kind) {
    case 'challenge':
      return { kind: 'challenge', output: `+ ${step.text}\r\n`, respond: step.respond };
    case 'credentials':
      return { kind: 'login', output: '', credentials: step.credentials };
    case 'malformed':
      return bad(step.reason);
  }
}

/** Dovecot's XCLIENT. Anybody may send it, so that only what can do no harm is taken: the end of a loop of proxies. */
function hearOrigin(argument: string | undefined, user: string | undefined): Reaction {
  const output = '+OK\r\n';
  const ttl = /(?:^| )TTL=(\d{1,3})(?: |$)/i.exec(argument ?? '')?.[1];
  return ttl === undefined ? { kind: 'reply', output, user } : { kind: 'proxy-ttl', output, user, ttl: Number(ttl) };
}

function bad(words: string): Reaction {
  return { kind: 'bad', output: `-ERR ${words}\r\n` };
}
