import { freePorts } from '../support/free-port.js';
import { dagServers } from './dag-servers.js';

type Fields = Readonly<Record<string, unknown>>;

export interface CallPorts {
  readonly udp: number;
  readonly tcp: number;
  readonly tls: number;
}

/** The SIP ports of MBX1 and MBX2, which nobody is on: a redirect asks nobody. */
export const mailboxPorts = { MBX1: { sip: 5162, sips: 5163 }, MBX2: { sip: 5262, sips: 5263 } } as const;

/**
 * A front end CAS1 with SIP doors on free ports before two mailbox servers of a DAG: 5101 is in DB1 and 5102 in DB2.
 * Gateway GW1 is 127.0.0.1; its pilot numbers are 5000 (extensions, in the clear), 6000 (the same over TLS), 7000 (SIP
 * addresses) and 8000 (E.164).
 */
export async function callEstate(tls: Fields = {}, rest: Fields = {}): Promise<{ ports: CallPorts; estate: object }> {
  const [udp = 0, tcp = 0, tlsPort = 0] = await freePorts(3);
  const { names, parts } = dagServers('localhost', Object.values(mailboxPorts));
  const door = { protocol: 'sip' };
  const estate = {
    ...parts,
    databases: names.map((name, index) => ({ name: `DB${index + 1}`, copies: names, active: name })),
    mailboxes: [
      { address: 'ann@contoso.com', database: 'DB1', extension: '5101' },
      { address: 'bob@contoso.com', database: 'DB2', extension: '5102' },
      { address: 'cat@contoso.com', database: 'DB2', extension: '+49305103' },
      { address: 'dan@contoso.com', database: 'DB1', extension: '5104', protocols: { um: false } },
    ],
    domains: [{ name: 'contoso.com', type: 'authoritative' }],
    listeners: [
      { name: 'SIPU', ...door, transport: 'udp', bind: `127.0.0.1:${udp}` },
      { name: 'SIP', ...door, bind: `127.0.0.1:${tcp}` },
      { name: 'SIPS', ...door, bind: `127.0.0.1:${tlsPort}`, tls: 'implicit', ...tls },
    ],
    callGateways: [
      { name: 'GW1', address: '127.0.0.1' },
      { name: 'GWOFF', address: '127.0.0.2', enabled: false },
      { name: 'GWNONE', address: '127.0.0.3' },
    ],
    dialPlans: [
      { name: 'DP1', digits: 4 },
      { name: 'DP2', digits: 4, security: 'sip-secured' },
      { name: 'DP3', uriType: 'sip' },
      { name: 'DP4', uriType: 'e164' },
    ],
    huntGroups: [
      { name: 'HG1', gateway: 'GW1', dialPlan: 'DP1', pilot: '5000' },
      { name: 'HG2', gateway: 'GW1', dialPlan: 'DP2', pilot: '6000' },
      { name: 'HG3', gateway: 'GW1', dialPlan: 'DP3', pilot: '7000' },
      { name: 'HG4', gateway: 'GW1', dialPlan: 'DP4', pilot: '8000' },
      { name: 'HGOFF', gateway: 'GWOFF', dialPlan: 'DP1', pilot: '5000' },
    ],
    ...rest,
  };
  return { ports: { udp, tcp, tls: tlsPort }, estate };
}
