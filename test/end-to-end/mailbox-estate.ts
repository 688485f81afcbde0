import { freePorts } from '../support/free-port.js';
import type { Dovecot, DovecotUser } from '../support/peers/dovecot.js';
import { dagServers } from './dag-servers.js';

type Fields = Readonly<Record<string, unknown>>;

/** Mailbox servers of one DAG, each with a database that is active there: MBX1 with DB1, MBX2 with DB2, and so on. */
export interface MailboxEstateParts {
  /** The endpoints of MBX1, MBX2, ... as in an estate file. */
  readonly servers: readonly Fields[];
  /** Addresses of example.org by their database. */
  readonly mailboxes: Readonly<Record<string, readonly string[]>>;
  readonly listeners: readonly Fields[];
  /** Other sections of the estate file. */
  readonly rest?: Fields;
}

/** An estate with one front end CAS1. */
export function mailboxEstate({ servers, mailboxes, listeners, rest = {} }: MailboxEstateParts): object {
  const { names, parts } = dagServers('localhost', servers);
  return {
    ...parts,
    databases: names.map((name, index) => ({ name: `DB${index + 1}`, copies: names, active: name })),
    mailboxes: Object.entries(mailboxes).flatMap(([database, users]) =>
      users.map((address) => ({ address, database })),
    ),
    domains: [{ name: 'example.org', type: 'authoritative' }],
    organization: { defaultDomain: 'example.org' },
    listeners,
    ...rest,
  };
}

/** The IMAP and POP endpoints of a Dovecot. @param more fields of both */
export function dovecotEndpoints(
  dovecot: Dovecot,
  tls: 'none' | 'opportunistic' | 'starttls' | 'implicit',
  more: Fields = {},
): Fields {
  const { imapPort, imapsPort, popPort, popsPort, caFile } = dovecot;
  const check = tls === 'none' ? {} : { ca: caFile };
  const isImplicit = tls === 'implicit';
  return {
    imap: { port: isImplicit ? imapsPort : imapPort, tls, ...check, ...more },
    pop: { port: isImplicit ? popsPort : popPort, tls, ...check, ...more },
  };
}

/** The ports of the doors: with STARTTLS, with TLS from the first byte, and with neither. */
export interface DoorPorts {
  readonly imap: number;
  readonly imaps: number;
  readonly imapClear: number;
  readonly pop: number;
  readonly pops: number;
  readonly popClear: number;
}

/** Six doors on free ports of every loopback address. @param more fields of each */
export async function mailboxDoors(more: Fields = {}): Promise<{ ports: DoorPorts; listeners: readonly Fields[] }> {
  const [imap = 0, imaps = 0, imapClear = 0, pop = 0, pops = 0, popClear = 0] = await freePorts(6);
  const ports = { imap, imaps, imapClear, pop, pops, popClear };
  const door = (name: keyof DoorPorts, tls: 'starttls' | 'implicit' | 'none') => ({
    name,
    protocol: name.startsWith('imap') ? 'imap' : 'pop',
    bind: `0.0.0.0:${ports[name]}`,
    tls,
    plaintextLogin: tls === 'none',
    ...more,
  });
  const listeners = [
    door('imap', 'starttls'),
    door('imaps', 'implicit'),
    door('imapClear', 'none'),
    door('pop', 'starttls'),
    door('pops', 'implicit'),
    door('popClear', 'none'),
  ];
  return { ports, listeners };
}

/** Accounts at example.org; everybody's password differs. */
export function accounts(...names: readonly string[]): readonly DovecotUser[] {
  return names.map((name) => ({ user: `${name}@example.org`, password: passwordOf(name) }));
}

/** @param user a name or an address */
export const passwordOf = (user: string): string => `secret of ${user.split('@')[0] ?? ''}`;
