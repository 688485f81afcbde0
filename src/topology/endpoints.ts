/** How to reach one service of a server. */
export interface Endpoint {
  readonly port: number;
  readonly tls: 'none' | 'opportunistic' | 'starttls' | 'implicit';
  /** Check chain and name of the server's certificate. */
  readonly verify: boolean;
  /** PEM file of the authorities to trust instead of the system's. */
  readonly ca: string | null;
  /** The name to ask for and to check instead of the host. */
  readonly serverName: string | null;
  readonly proxyProtocol: 'none' | 'v1' | 'v2';
  readonly clientAddress: 'none' | 'id' | 'xclient' | 'forwarded';
  /** The mechanism to log in with; null: what the server offers. */
  readonly auth: string | null;
}

const row = (port: number, tls: Endpoint['tls'], clientAddress: Endpoint['clientAddress'] = 'none'): Endpoint => ({
  port,
  tls,
  verify: tls !== 'opportunistic',
  ca: null,
  serverName: null,
  proxyProtocol: 'none',
  clientAddress,
  auth: null,
});

/** The endpoints of a server and what each is unless told otherwise. */
export const endpointDefaults = {
  smtp: row(2525, 'opportunistic'),
  submission: row(465, 'implicit'),
  imap: row(1993, 'implicit'),
  pop: row(1995, 'implicit'),
  http: row(444, 'implicit', 'forwarded'),
  sip: row(5062, 'none'),
  sips: row(5063, 'implicit'),
  outboundProxy: row(717, 'opportunistic'),
} as const satisfies Readonly<Record<string, Endpoint>>;

export type EndpointName = keyof typeof endpointDefaults;

export const endpointNames = Object.keys(endpointDefaults) as readonly EndpointName[];

/** What an endpoint may say, by key. */
export const endpointChoices = {
  tls: ['none', 'opportunistic', 'starttls', 'implicit'],
  proxyProtocol: ['none', 'v1', 'v2'],
  clientAddress: ['none', 'id', 'xclient', 'forwarded'],
} as const;
