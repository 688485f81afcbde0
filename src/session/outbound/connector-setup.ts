import { serverTrust, type TlsIdentity } from '../../net/tls-settings.js';
import type { SendConnector, Server } from '../../topology/catalogue/catalogue.js';
import type { Topology } from '../../topology/topology.js';
import { heloNameOf } from '../smtp/helo-name.js';
import { type ConnectorCredentials, credentialsOf, identityOf } from './connector-identity.js';

/** What a connector needs from files and the environment before it can speak to a host. */
export interface ConnectorSetup {
  readonly login: ConnectorCredentials;
  readonly identity: TlsIdentity | null;
}

/** How long files that were well are not looked at again. */
const freshMs = 1000;

const known = new WeakMap<SendConnector, { readonly setup: ConnectorSetup; readonly atMs: number }>();

/**
 * The password and certificates of a connector. Rejects where one cannot be had; the words name files and variables,
 * for the administrator alone.
 */
export async function setupOf(connector: SendConnector, topology: Topology): Promise<ConnectorSetup> {
  const before = known.get(connector);
  const nowMs = performance.now();
  if (before !== undefined && nowMs - before.atMs < freshMs) return before.setup;
  const identity = identityOf(connector, topology);
  // Files that cannot be read are nothing against a host.
  await serverTrust({ verify: true, ca: connector.ca, identity });
  const setup = { login: await credentialsOf(connector), identity };
  known.set(connector, { setup, atMs: nowMs });
  return setup;
}

/** The password was refused: it is looked for anew, as somebody will put it right. */
export function forgetSetup(connector: SendConnector): void {
  known.delete(connector);
}

/** The name that a connector introduces itself by. */
export const heloNameFor = ({ heloName }: SendConnector, { host }: Server): string => heloName ?? heloNameOf(host);
