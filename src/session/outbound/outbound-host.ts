import type { SmtpReply } from '../../protocols/smtp/replies.js';
import type { TraceStep } from '../../routing/decision.js';
import type { SendConnector } from '../../topology/catalogue/catalogue.js';
import type { Topology } from '../../topology/topology.js';
import type { Snapshot } from '../door-services.js';

/** One address of a host outside that may be handed mail. */
export interface OutboundHost {
  /** The smart host or mail exchanger as it is named, without brackets; its certificate is checked against this. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** Where mail for a domain is to be sent through a connector. */
export interface HostQuestion {
  readonly connector: SendConnector;
  /** Of the recipients, in lower-case A-labels. */
  readonly domain: string;
  readonly snapshot: Snapshot;
}

/** The hosts in the order to try them, one entry an address; or why there is none, and what the sender is told. */
export type FoundHosts =
  | { readonly kind: 'hosts'; readonly hosts: readonly OutboundHost[]; readonly trace: readonly TraceStep[] }
  | { readonly kind: 'none'; readonly reply: SmtpReply; readonly trace: readonly TraceStep[] };

/** Finds the hosts of a connector and a domain. Never rejects: what cannot be found out is a temporary `none`. */
export interface HostFinder {
  find(question: HostQuestion): Promise<FoundHosts>;
}

/** The name servers that a connector asks: its own, else the organization's; none: the system's. */
export function nameServersOf({ resolvers }: SendConnector, { organization }: Topology): readonly string[] {
  return resolvers.length > 0 ? resolvers : organization.resolvers;
}

/** `mx1.example.net [192.0.2.1]:25`: as a host stands in logs, records and what was tried. */
export function hostWords({ name, address, port }: OutboundHost): string {
  return name === address ? `[${address}]:${port}` : `${name} [${address}]:${port}`;
}
