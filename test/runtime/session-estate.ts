import type { Snapshot } from '../../src/session/door-services.js';
import { createSessionRegistry, type Session, type SessionRegistry } from '../../src/session/session-registry.js';
import type { DirectoryEntry } from '../../src/topology/directory.js';
import { topologyOf } from '../support/topology-of.js';

/** What of the estate a test changes: the active copy of DB1, states of components, where mailboxes are. */
export interface EstateChange {
  readonly active?: string;
  readonly components?: Readonly<Record<string, readonly object[]>>;
  readonly mailboxes?: Readonly<Record<string, string>>;
  readonly protocols?: Readonly<Record<string, boolean>>;
}

/** A front end FE1, DB1 on MBX1 and MBX2, DB2 on MBX3; ann and bob are in DB1, cyd is in DB2, unless changed. */
export function estateWith({ active = 'MBX1', components = {}, protocols = {}, ...change }: EstateChange): Snapshot {
  const server = (name: string, roles: string[]) => ({ name, site: 'A', roles, components: components[name] ?? [] });
  const topology = topologyOf({
    organization: { defaultDomain: 'contoso.com' },
    sites: [{ name: 'A' }],
    servers: [server('FE1', ['frontend']), ...['MBX1', 'MBX2', 'MBX3'].map((name) => server(name, ['mailbox']))],
    databases: [
      { name: 'DB1', copies: ['MBX1', 'MBX2'], active },
      { name: 'DB2', copies: ['MBX3'] },
    ],
  });
  const mailboxes = {
    'ann@contoso.com': 'DB1',
    'bob@contoso.com': 'DB1',
    'cyd@contoso.com': 'DB2',
    ...change.mailboxes,
  };
  const entries = new Map<string, DirectoryEntry>(
    Object.entries(mailboxes).map(([address, database]) => [
      address,
      { class: 'mailbox', address, database, guid: null, protocols },
    ]),
  );
  const annsAlias = entries.get('ann@contoso.com');
  if (annsAlias) entries.set('a@contoso.com', annsAlias);
  const frontEnd = topology.server('FE1');
  if (!frontEnd) throw new Error('no front end');
  const directory = {
    find: (key: string) => entries.get(key),
    findByGuid: () => undefined,
    findByExtension: () => undefined,
    membersOf: () => [],
  };
  return { topology, directory, frontEnd };
}

/** Sessions without sockets: what is asked of them stands in `said`. */
export interface TestSessions {
  readonly registry: SessionRegistry;
  /** `user words` for each session that was asked to end, `user cut` for each that was ended. */
  readonly said: string[];
  readonly drainedAtMs: number[];
  /** A session that ends when it is asked to, unless it is deaf. */
  open(user: string | null, server: string | null, more?: Partial<Session> & { readonly isDeaf?: boolean }): () => void;
}

export function testSessions(): TestSessions {
  const registry = createSessionRegistry();
  const said: string[] = [];
  const drainedAtMs: number[] = [];
  return {
    registry,
    said,
    drainedAtMs,
    open(user, server, { isDeaf = false, ...more } = {}) {
      const remove = registry.open({
        protocol: 'imap',
        clientAddress: '10.0.0.1',
        startedAtMs: 0,
        user,
        server,
        drain(words) {
          said.push(`${user} ${words}`);
          drainedAtMs.push(performance.now());
          if (!isDeaf) remove();
        },
        destroy() {
          said.push(`${user} cut`);
          remove();
        },
        ...more,
      });
      return remove;
    },
  };
}
