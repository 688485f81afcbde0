import { hostname } from 'node:os';
import { UsherError } from '../errors.js';
import { readEstate } from '../estate/read-estate.js';
import type { EstateObject } from '../topology/catalogue/catalogue.js';
import { applyFile } from './apply.js';
import type { ChangeMeta, ChangeOptions, ChangeResult, Store } from './change-estate.js';
import { changeEstate } from './change-estate.js';

export interface InitAnswers {
  readonly site: string;
  readonly frontEnd: string;
  readonly host: string;
  readonly domain: string | undefined;
  /** Also port 465 with TLS from the first byte. */
  readonly submissions: boolean;
}

/** What is offered when nothing is said. */
export function initDefaults(): Omit<InitAnswers, 'domain'> {
  const host = hostname();
  return { site: 'Default-First-Site', frontEnd: (host.split('.')[0] ?? host).slice(0, 64), host, submissions: false };
}

const anyAddress = (port: number): string[] => [`0.0.0.0:${port}`, `[::]:${port}`];

/** The usual connectors and listeners of a front end. */
export function firstEstate({ site, frontEnd, host, domain, submissions }: InitAnswers): EstateObject {
  const users = { permissionGroups: ['users'], auth: ['tls', 'basic', 'basic-require-tls'] };
  const listener = (name: string, protocol: string, port: number, tls: string) => ({
    name,
    protocol,
    bind: `0.0.0.0:${port}`,
    tls,
  });
  return {
    estate: 1,
    ...(domain !== undefined && {
      organization: { defaultDomain: domain },
      domains: [{ name: domain, type: 'authoritative' }],
    }),
    sites: [{ name: site }],
    servers: [{ name: frontEnd, host, site, roles: ['frontend'] }],
    receiveConnectors: [
      { name: 'Default Frontend', bindings: anyAddress(25) },
      { name: 'Client Frontend', bindings: anyAddress(587), ...users },
      ...(submissions ? [{ name: 'Client Frontend TLS', bindings: anyAddress(465), implicitTls: true, ...users }] : []),
      { name: 'Outbound Proxy Frontend', bindings: anyAddress(717), permissionGroups: ['servers'], tarpit: '0s' },
    ],
    listeners: [
      listener('IMAP', 'imap', 143, 'starttls'),
      listener('IMAPS', 'imap', 993, 'implicit'),
      listener('POP', 'pop', 110, 'starttls'),
      listener('POPS', 'pop', 995, 'implicit'),
      listener('HTTPS', 'http', 443, 'implicit'),
      { ...listener('HTTP', 'http', 80, 'none'), redirectToHttps: true },
    ],
  };
}

/** Makes the first estate in a store that holds none. */
export function initEstate(store: Store, answers: InitAnswers, meta: ChangeMeta, options: ChangeOptions): ChangeResult {
  const file = readEstate(JSON.stringify(firstEstate(answers)), 'init');
  return changeEstate(store, meta, options, (transaction) => {
    if (transaction.topology().objects.sites.length > 0) {
      const way = 'change it with "usher NOUN create" or "usher apply", or name another store with --store';
      throw new UsherError('conflict', 'exists', `the store ${store.path} holds an estate already; ${way}`);
    }
    applyFile(transaction, file, false);
  });
}
