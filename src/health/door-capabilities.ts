import type { SaslMechanism } from '../protocols/sasl/login-credentials.js';

type Protocol = 'imap' | 'pop';

/** What a door offers before the login. */
export interface DoorCapabilities {
  readonly mechanisms: readonly SaslMechanism[];
  /** What the servers can do, without what the door decides itself; null: not known. */
  readonly announced: readonly string[] | null;
}

// What is translated for the servers, whatever they offer; a token goes only to those who take it.
const ownMechanisms: readonly SaslMechanism[] = ['PLAIN', 'LOGIN'];
const tokenMechanisms: readonly SaslMechanism[] = ['OAUTHBEARER', 'XOAUTH2'];
const unknown: DoorCapabilities = { mechanisms: [...ownMechanisms, ...tokenMechanisms], announced: null };
const decidedByDoor: Readonly<Record<Protocol, RegExp>> = {
  imap: /^(?:AUTH=.*|STARTTLS|LOGINDISABLED)$/i,
  pop: /^(?:SASL|STLS|USER|XCLIENT|IMPLEMENTATION)(?: |$)/i,
};

const known = new WeakMap<readonly string[], DoorCapabilities>();

/** What a door may say, given what all its servers can do; worked out once for each list. */
export function doorCapabilities(protocol: Protocol, ofServers: readonly string[] | null): DoorCapabilities {
  if (ofServers === null) return unknown;
  const before = known.get(ofServers);
  if (before) return before;
  const offered = mechanismsIn(protocol, ofServers);
  const capabilities: DoorCapabilities = {
    mechanisms: [...ownMechanisms, ...tokenMechanisms.filter((name) => offered.includes(name))],
    announced: ofServers.filter((line) => !decidedByDoor[protocol].test(line)),
  };
  known.set(ofServers, capabilities);
  return capabilities;
}

/** What all of several servers can do, in the order and the words of the first; null when there is none. */
export function commonCapabilities(
  protocol: Protocol,
  answers: ReadonlyArray<readonly string[]>,
): readonly string[] | null {
  const [first, ...others] = answers.map((answer) => withImplied(protocol, answer));
  if (first === undefined) return null;
  const has = (answer: readonly string[], wanted: string): boolean =>
    answer.some((line) => line.toUpperCase() === wanted.toUpperCase());
  const common = first.filter((line) => !isSasl(protocol, line) && others.every((answer) => has(answer, line)));
  if (protocol === 'imap') return common;
  const shared = mechanismsIn(protocol, first).filter((name) =>
    others.every((answer) => mechanismsIn(protocol, answer).includes(name)),
  );
  return shared.length === 0 ? common : [...common, `SASL ${shared.join(' ')}`];
}

function withImplied(protocol: Protocol, answer: readonly string[]): readonly string[] {
  // RFC 7888 §5: who takes literals of any size takes small ones too.
  return protocol === 'imap' && answer.some((name) => /^LITERAL\+$/i.test(name)) ? [...answer, 'LITERAL-'] : answer;
}

function isSasl(protocol: Protocol, line: string): boolean {
  return protocol === 'pop' && /^SASL(?: |$)/i.test(line);
}

function mechanismsIn(protocol: Protocol, lines: readonly string[]): readonly string[] {
  const upper = lines.map((line) => line.toUpperCase());
  if (protocol === 'imap') return upper.filter((name) => name.startsWith('AUTH=')).map((name) => name.slice(5));
  return upper.filter((line) => line.startsWith('SASL ')).flatMap((line) => line.slice(5).split(' '));
}
