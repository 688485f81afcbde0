import { allUp } from '../../src/routing/availability.js';
import type { ClientQuestion } from '../../src/routing/route-client.js';
import type { MailQuestion } from '../../src/routing/route-mail.js';
import type { BuiltEstate, EstateParts } from './build-estate.js';
import { buildEstate } from './build-estate.js';

export const annGuid = '5b1c9e70-1f6e-4f0e-9a53-0c8d4f7a2b11';

/**
 * Two sites: HQ with MBX1 and MBX2 in no DAG, and Branch with MBX3. Front ends CAS1 in HQ and CAS2 in Branch.
 * ann is in DB1 on MBX1, bob in DB2 on MBX2, kim in DB3 on MBX3.
 */
export const contoso = {
  organization: { defaultDomain: 'contoso.com' },
  sites: [{ name: 'HQ' }, { name: 'Branch' }],
  links: [{ name: 'wire', sites: ['HQ', 'Branch'], cost: 10 }],
  servers: [
    { name: 'CAS1', host: '10.0.0.1', site: 'HQ', roles: ['frontend'] },
    { name: 'CAS2', host: '10.0.0.2', site: 'Branch', roles: ['frontend'] },
    { name: 'MBX1', host: '10.0.1.1', site: 'HQ' },
    { name: 'MBX2', host: '10.0.1.2', site: 'HQ' },
    { name: 'MBX3', host: '10.0.1.3', site: 'Branch' },
  ],
  databases: [
    { name: 'DB1', copies: ['MBX1'] },
    { name: 'DB2', copies: ['MBX2'] },
    { name: 'DB3', copies: ['MBX3'] },
  ],
  domains: [
    { name: 'contoso.com', type: 'authoritative' },
    { name: 'branch.contoso.com', type: 'authoritative', matchSubdomains: true },
    { name: 'internal.test', type: 'internal-relay' },
    { name: 'external.test', type: 'external-relay', matchSubdomains: true },
    { name: 'bücher.example', type: 'authoritative' },
  ],
  receiveConnectors: [
    { name: 'Default Frontend' },
    { name: 'Client Frontend', bindings: ['0.0.0.0:587'], permissionGroups: ['users'] },
  ],
  mailboxes: [
    {
      address: 'ann@contoso.com',
      aliases: ['Ann.Smith@contoso.com', 'ann@bücher.example'],
      database: 'DB1',
      guid: annGuid,
    },
    { address: 'bob@contoso.com', aliases: ['bob+lists@contoso.com'], database: 'DB2' },
    { address: 'kim@contoso.com', database: 'DB3' },
    { address: 'lost@contoso.com', database: 'DB-NEW' },
  ],
  groups: [{ address: 'all@contoso.com' }],
  contacts: [{ address: 'friend@contoso.com', target: 'friend@elsewhere.test' }],
} as const satisfies EstateParts;

/** contoso with some sections in place of its own. */
export const contosoWith = (parts: EstateParts): BuiltEstate => buildEstate({ ...contoso, ...parts });

/** A stranger's message to ann at port 25 of CAS1, but for what is given. */
export function mailTo(
  { topology, directory }: BuiltEstate,
  given: Partial<MailQuestion> & { readonly on?: string } = {},
): MailQuestion {
  const { on, ...rest } = given;
  return {
    topology,
    directory,
    frontEnd: serverOf(topology, on ?? 'CAS1'),
    availability: allUp,
    localAddress: null,
    port: 25,
    clientAddress: null,
    user: null,
    from: 'stranger@elsewhere.test',
    to: ['ann@contoso.com'],
    sizeBytes: null,
    screening: null,
    ...rest,
  };
}

/** A request of nobody at CAS1, but for what is given. */
export function askFor(
  { topology, directory }: BuiltEstate,
  given: Partial<Omit<ClientQuestion, 'headers'>> & {
    readonly on?: string;
    readonly headers?: Readonly<Record<string, string>>;
  },
): ClientQuestion {
  const { on, headers, ...rest } = given;
  const frontEnd = serverOf(topology, on ?? 'CAS1');
  const base = { topology, directory, frontEnd, availability: allUp, protocol: 'owa', user: null, url: null } as const;
  return { ...base, ...rest, headers: new Map(Object.entries(headers ?? {})) };
}

function serverOf(topology: BuiltEstate['topology'], name: string): MailQuestion['frontEnd'] {
  const server = topology.server(name);
  if (!server) throw new Error(`the estate has no server ${name}`);
  return server;
}
