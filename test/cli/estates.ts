const mailboxServer = (name: string, site: string, dag: string | null = null) => ({
  name,
  host: `${name.toLowerCase()}.contoso.com`,
  site,
  dag,
});

/** Two sites with a link, a front end, a DAG of two servers, two databases, three mailboxes. */
export const smallEstate = {
  estate: 1,
  organization: { defaultDomain: 'contoso.com' },
  sites: [{ name: 'Berlin' }, { name: 'Paris' }],
  links: [{ name: 'BP', sites: ['Berlin', 'Paris'], cost: 10 }],
  dags: [{ name: 'DAG1' }],
  servers: [
    { name: 'FE1', host: '127.0.0.1', site: 'Berlin', roles: ['frontend'] },
    mailboxServer('MBX1', 'Berlin', 'DAG1'),
    mailboxServer('MBX2', 'Paris', 'DAG1'),
    mailboxServer('MBX3', 'Berlin'),
  ],
  databases: [
    { name: 'DB1', copies: ['MBX1', 'MBX2'] },
    { name: 'DB2', copies: ['MBX3'] },
  ],
  mailboxes: [
    { address: 'ann@contoso.com', database: 'DB1' },
    { address: 'bob@contoso.com', database: 'DB1' },
    { address: 'cyd@contoso.com', database: 'DB2' },
  ],
  domains: [{ name: 'contoso.com', type: 'authoritative' }],
  receiveConnectors: [{ name: 'In', bindings: ['127.0.0.1:25'], permissionGroups: ['anonymous'] }],
} as const;
