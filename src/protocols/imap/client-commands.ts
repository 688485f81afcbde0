import { type Buffer, isUtf8 } from 'node:buffer';
import { credentialsProblem } from '../sasl/credentials-problem.js';
import type { LoginCredentials } from '../sasl/login-credentials.js';
import { beginMechanism, type MechanismStep } from '../sasl/server-mechanisms.js';
import type { CommandPolicy } from './command-policy.js';
import type { ImapCommand } from './command-reader.js';
import { readIdArgument } from './id-command.js';
import type { Token } from './syntax.js';

/** What a command brings about. */
export type Reaction =
  | { readonly kind: 'wait'; readonly output: string }
  | { readonly kind: 'reply'; readonly output: string }
  /** A reply to something that counts against the client. */
  | { readonly kind: 'bad'; readonly output: string }
  | { readonly kind: 'identified'; readonly output: string; readonly proxyTtl: number | null }
  | { readonly kind: 'challenge'; readonly output: string; readonly tag: string; readonly respond: Respond }
  | { readonly kind: 'login'; readonly output: string; readonly tag: string; readonly credentials: LoginCredentials }
  | { readonly kind: 'start-tls'; readonly output: string; readonly tag: string }
  | { readonly kind: 'close'; readonly output: string; readonly reason: string };

/** Takes the client's answer to a challenge. */
export type Respond = (response: string) => MechanismStep;

const needsTls = 'NO [PRIVACYREQUIRED] A password is not allowed before TLS.';

/** Commands without arguments. */
const bareCommands: ReadonlySet<string> = new Set(['CAPABILITY', 'NOOP', 'LOGOUT', 'STARTTLS']);

/** Commands of the states after the login (RFC 9051 §6.3, §6.4 and extensions). */
const laterCommands: ReadonlySet<string> = new Set(
  `APPEND CHECK CLOSE COMPRESS COPY CREATE DELETE DELETEACL ENABLE EXAMINE EXPUNGE FETCH GETACL GETMETADATA GETQUOTA
  GETQUOTAROOT IDLE LIST LISTRIGHTS LSUB MOVE MYRIGHTS NAMESPACE NOTIFY RENAME REPLACE SEARCH SELECT SETACL SETMETADATA
  SETQUOTA SORT STATUS STORE SUBSCRIBE THREAD UID UNAUTHENTICATE UNSELECT UNSUBSCRIBE`.split(/\s+/),
);

/** Carries out a command of the state before login. */
export function reactToCommand(command: ImapCommand, policy: CommandPolicy): Reaction {
  const { tag, name, tokens } = command;
  if (bareCommands.has(name) && tokens?.length !== 0) return badArguments(tag, name);
  switch (name) {
    case 'CAPABILITY':
      return reply(`* CAPABILITY ${policy.capabilities}\r\n${tag} OK CAPABILITY completed.\r\n`);
    case 'NOOP':
      return reply(`${tag} OK NOOP completed.\r\n`);
    case 'LOGOUT':
      return { kind: 'close', output: `* BYE Logging out.\r\n${tag} OK LOGOUT completed.\r\n`, reason: 'logged out' };
    case 'STARTTLS':
      if (policy.starttls === 'offered') return { kind: 'start-tls', output: '', tag };
      return bad(tag, policy.starttls === 'active' ? 'BAD TLS is active already.' : 'BAD STARTTLS is not offered.');
    case 'LOGIN':
      return refusedLogin(tag, policy) ?? login(tag, tokens);
    case 'AUTHENTICATE':
      return policy.login === 'allowed' ? authenticate(tag, tokens, policy) : bad(tag, needsTls);
    case 'ID':
      return identify(tag, tokens);
    default:
      return bad(tag, laterCommands.has(name) ? 'NO Log in first.' : 'BAD Unknown command.');
  }
}

/** Why a synchronizing literal is not wanted, or undefined when it is. */
export function reactToLiteral(
  offer: { readonly tag: string; readonly name: string; readonly fits: boolean },
  policy: CommandPolicy,
): Reaction | undefined {
  switch (offer.name) {
    case 'LOGIN': {
      const refusal = refusedLogin(offer.tag, policy);
      if (refusal !== undefined) return refusal;
      break;
    }
    case 'ID':
      break;
    default:
      return bad(offer.tag, laterCommands.has(offer.name) ? 'NO Log in first.' : 'BAD No literal is allowed here.');
  }
  return offer.fits ? undefined : bad(offer.tag, 'BAD The literal is too large.');
}

/** What a step of a SASL exchange means. */
export function reactToMechanism(tag: string, step: MechanismStep): Reaction {
  switch (step.kind) {
    case 'challenge':
      return { kind: 'challenge', output: `+ ${step.text}\r\n`, tag, respond: step.respond };
    case 'credentials':
      return { kind: 'login', output: '', tag, credentials: step.credentials };
    case 'malformed':
      return bad(tag, `BAD ${step.reason}`);
  }
}

function refusedLogin(tag: string, policy: CommandPolicy): Reaction | undefined {
  if (policy.login === 'needs-tls') return bad(tag, needsTls);
  return policy.loginCommand === 'offered' ? undefined : bad(tag, 'NO The command LOGIN is not offered.');
}

/** RFC 9051 §6.2.3. */
function login(tag: string, tokens: readonly Token[] | undefined): Reaction {
  const [user, password] = tokens ?? [];
  const userBytes = stringOf(user);
  const passwordBytes = stringOf(password);
  if (tokens?.length !== 2 || userBytes === undefined || passwordBytes === undefined) return badArguments(tag, 'LOGIN');
  if (!isUtf8(userBytes) || !isUtf8(passwordBytes)) return bad(tag, 'BAD User name and password must be UTF-8.');
  const credentials = {
    kind: 'password',
    user: userBytes.toString('utf8'),
    authorizationId: '',
    password: passwordBytes.toString('utf8'),
  } as const;
  const problem = credentialsProblem(credentials);
  return problem === undefined ? { kind: 'login', output: '', tag, credentials } : bad(tag, `BAD ${problem}`);
}

/** RFC 9051 §6.2.2, with the initial response of RFC 4959. */
function authenticate(tag: string, tokens: readonly Token[] | undefined, policy: CommandPolicy): Reaction {
  const [mechanism, initial] = tokens ?? [];
  if (tokens === undefined || mechanism?.kind !== 'atom' || tokens.length > 2 || (initial && initial.kind !== 'atom')) {
    return badArguments(tag, 'AUTHENTICATE');
  }
  const asked = mechanism.bytes.toString('latin1').toUpperCase();
  const name = policy.mechanisms.find((offered) => offered === asked);
  if (name === undefined) return bad(tag, 'NO This mechanism is not offered.');
  const response = initial?.bytes.toString('latin1') ?? null;
  // RFC 4959 §3: `=` stands for an empty response.
  return reactToMechanism(tag, beginMechanism(name, response === '=' ? '' : response));
}

/** RFC 2971 §3.1. */
function identify(tag: string, tokens: readonly Token[] | undefined): Reaction {
  const argument = readIdArgument(tokens ?? []);
  if (argument === undefined) return badArguments(tag, 'ID');
  const output = `* ID ("name" "usher")\r\n${tag} OK ID completed.\r\n`;
  return { kind: 'identified', output, proxyTtl: argument.proxyTtl };
}

function stringOf(token: Token | undefined): Buffer | undefined {
  return token?.kind === 'atom' || token?.kind === 'string' ? token.bytes : undefined;
}

function badArguments(tag: string, name: string): Reaction {
  return bad(tag, `BAD Wrong arguments of ${name}.`);
}

function reply(output: string): Reaction {
  return { kind: 'reply', output };
}

function bad(tag: string, words: string): Reaction {
  return { kind: 'bad', output: `${tag} ${words}\r\n` };
}
