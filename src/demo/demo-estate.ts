import type { MailboxServerPorts } from './servers/mailbox-server.js';

export const demoDomain = 'demo.test';
export const demoFrontEnd = 'FE1';
/** The password of every demo mailbox, also of one that is made later. */
export const demoPassword = 'demo';
export const demoHost = '127.0.0.1';

/** The mailbox servers. The two of the DAG take mail only for mailboxes that are active on them. */
export const demoServers = [
  { name: 'MBX1', site: 'Berlin', dag: 'DAG1', accepts: 'own' },
  { name: 'MBX2', site: 'Paris', dag: 'DAG1', accepts: 'own' },
  { name: 'MBX3', site: 'Paris', dag: null, accepts: 'any' },
] as const;

export type DemoServerName = (typeof demoServers)[number]['name'];

export const demoDatabases = [
  { name: 'DB1', copies: ['MBX1', 'MBX2'] },
  { name: 'DB2', copies: ['MBX2', 'MBX1'] },
  { name: 'DB3', copies: ['MBX3'] },
] as const;

export const demoMailboxes = [
  { address: `ann@${demoDomain}`, database: 'DB1' },
  { address: `bob@${demoDomain}`, database: 'DB1' },
  { address: `cat@${demoDomain}`, database: 'DB2' },
  { address: `dan@${demoDomain}`, database: 'DB2' },
  { address: `eve@${demoDomain}`, database: 'DB3' },
  { address: `fay@${demoDomain}`, database: 'DB3' },
] as const;

export const demoGroup = {
  address: `team@${demoDomain}`,
  members: [`ann@${demoDomain}`, `cat@${demoDomain}`, `eve@${demoDomain}`],
} as const;

/** The front end's doors: their names, and their ports above the port base. */
export const demoDoors = { smtp: 25, imap: 143, imaps: 993, pop: 110, http: 80 } as const;

export type DoorName = keyof typeof demoDoors;
export type DoorPorts = Readonly<Record<DoorName, number>>;

const link = { name: 'Berlin-Paris', sites: ['Berlin', 'Paris'], cost: 10 };

/** The estate file of the demo, for the ports that its doors and servers have this time. */
export function demoEstate(
  doors: DoorPorts,
  servers: ReadonlyMap<DemoServerName, MailboxServerPorts>,
): Readonly<Record<string, unknown>> {
  const bind = (door: DoorName): string => `${demoHost}:${doors[door]}`;
  return {
    estate: 1,
    organization: { defaultDomain: demoDomain },
    sites: [{ name: 'Berlin' }, { name: 'Paris' }],
    links: [link],
    dags: [{ name: 'DAG1' }],
    servers: [
      { name: demoFrontEnd, host: `fe1.${demoDomain}`, site: 'Berlin', roles: ['frontend'] },
      ...demoServers.map((server) => ({ ...server, host: demoHost, endpoints: endpointsOf(servers.get(server.name)) })),
    ],
    databases: demoDatabases,
    mailboxes: demoMailboxes,
    groups: [demoGroup],
    domains: [{ name: demoDomain, type: 'authoritative' }],
    receiveConnectors: [
      {
        name: 'Demo SMTP',
        bindings: [bind('smtp')],
        // not "servers": every client of the demo comes from the address of the mailbox servers
        permissionGroups: ['anonymous', 'users'],
        auth: ['tls', 'basic'],
        tarpit: '0s',
      },
    ],
    listeners: [
      { name: 'Demo IMAP', protocol: 'imap', bind: bind('imap'), tls: 'starttls', plaintextLogin: true },
      { name: 'Demo IMAPS', protocol: 'imap', bind: bind('imaps'), tls: 'implicit' },
      { name: 'Demo POP', protocol: 'pop', bind: bind('pop'), tls: 'starttls', plaintextLogin: true },
      { name: 'Demo HTTP', protocol: 'http', bind: bind('http'), tls: 'none' },
    ],
  };
}

function endpointsOf(ports: MailboxServerPorts | undefined): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(ports ?? {}).map(([name, port]) => [name, { port, tls: 'none' }]));
}
