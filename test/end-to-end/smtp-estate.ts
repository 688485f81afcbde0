import type { RecordingServer } from '../support/recording-server.js';
import { dagServers } from './dag-servers.js';

type Fields = Readonly<Record<string, unknown>>;

/** Mailbox servers MBX1, MBX2, ... of one DAG, reached without TLS unless the endpoints say otherwise. */
export interface EstateParts {
  /** By server: the endpoints, as in an estate file. */
  readonly servers: readonly Fields[];
  readonly connectors: readonly Fields[];
  /** Other sections of the estate file. */
  readonly rest?: Fields;
}

/** An estate with one front end CAS1 and the mailboxes ann, bob and cid of contoso.com, whose servers are in one DAG. */
export function smtpEstate({ servers, connectors, rest = {} }: EstateParts): object {
  const { names, parts } = dagServers('front.contoso.com', servers);
  return {
    ...parts,
    databases: [{ name: 'DB1', copies: names }],
    mailboxes: ['ann', 'bob', 'cid'].map((name) => ({ address: `${name}@contoso.com`, database: 'DB1' })),
    domains: [{ name: 'contoso.com', type: 'authoritative' }],
    receiveConnectors: connectors.map((connector, index) => ({
      name: `Inbound ${index + 1}`,
      permissionGroups: ['anonymous'],
      maxConnectionsPerSource: 10_000,
      maxConnectionsPercentPerSource: 100,
      tarpit: '0s',
      ...connector,
    })),
    ...rest,
  };
}

/** The endpoints of a recording server. */
export const plainEndpoint = ({ port }: Pick<RecordingServer, 'port'>): Fields => ({ smtp: { port, tls: 'none' } });
