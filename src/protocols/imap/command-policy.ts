import type { SaslMechanism } from '../sasl/login-credentials.js';
import type { ClientDialogueOptions } from '../sasl/login-protocol.js';

/** What the connection allows now. */
export interface CommandPolicy {
  readonly starttls: 'absent' | 'offered' | 'active';
  /** Whether credentials may be sent at all. */
  readonly login: 'allowed' | 'needs-tls';
  /** Whether the command LOGIN is among the ways to send them. */
  readonly loginCommand: 'offered' | 'absent';
  readonly mechanisms: readonly SaslMechanism[];
  /** What CAPABILITY lists, separated by spaces. */
  readonly capabilities: string;
}

type Rules = Omit<CommandPolicy, 'capabilities'>;

// What is true of the door and not of the servers, or leads past it: a referral names another host, and who has
// unauthenticated at a server could log in there as somebody else.
const decidedHere =
  /^(?:AUTH=.*|STARTTLS|LOGINDISABLED|SASL-IR|ID|LITERAL[+-]|IMAP4REV1|LOGIN-REFERRALS|UNAUTHENTICATE)$/i;
const capabilityAtom = /^[A-Za-z0-9][A-Za-z0-9!#$&',\-./:;<=>?@^_`|~+]{0,63}$/;
const serverCapabilitiesMax = 100;

/** What a connection allows before or after TLS has begun, and says of itself. */
export function commandPolicy(options: ClientDialogueOptions, link: 'clear' | 'tls'): CommandPolicy {
  const { mechanisms } = options;
  const rules: Rules = {
    starttls: link === 'tls' ? 'active' : options.starttls ? 'offered' : 'absent',
    login: link === 'tls' || options.plaintextLogin ? 'allowed' : 'needs-tls',
    loginCommand: mechanisms.includes('PLAIN') || mechanisms.includes('LOGIN') ? 'offered' : 'absent',
    mechanisms,
  };
  return { ...rules, capabilities: capabilitiesOf(rules, options.serverCapabilities) };
}

function capabilitiesOf(rules: Rules, ofServers: readonly string[] | null): string {
  const names = ['IMAP4rev1', 'SASL-IR', ...literalsOf(ofServers), 'ID'];
  if (rules.starttls === 'offered') names.push('STARTTLS');
  if (rules.login === 'allowed') names.push(...rules.mechanisms.map((name) => `AUTH=${name}`));
  if (rules.login === 'needs-tls' || rules.loginCommand === 'absent') names.push('LOGINDISABLED');
  return [...new Set([...names, ...extensionsOf(ofServers ?? [])])].join(' ');
}

/** A client may go on with its literals after the login, so that they must be known to the servers too (RFC 7888 §4). */
function literalsOf(ofServers: readonly string[] | null): readonly string[] {
  const known = ofServers?.map((name) => name.toUpperCase()) ?? ['LITERAL+'];
  const best = ['LITERAL+', 'LITERAL-'].find((name) => known.includes(name));
  return best === undefined ? [] : [best];
}

function extensionsOf(ofServers: readonly string[]): readonly string[] {
  return ofServers
    .slice(0, serverCapabilitiesMax)
    .filter((name) => capabilityAtom.test(name) && !decidedHere.test(name));
}
