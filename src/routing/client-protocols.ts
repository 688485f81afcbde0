import type { Component, WebService } from '../topology/components.js';
import { webServices } from '../topology/components.js';
import type { EndpointName } from '../topology/endpoints.js';

/** What clients ask a front end for. */
export type ClientProtocol = WebService | 'imap' | 'pop';

export const clientProtocols: readonly ClientProtocol[] = [...webServices, 'imap', 'pop'];

export const isWeb = (protocol: ClientProtocol): protocol is WebService => protocol !== 'imap' && protocol !== 'pop';

/** The component of the front end that a protocol needs. */
export const frontEndComponent = (protocol: ClientProtocol): Component => `${protocol}-proxy`;

/** The endpoint of the mailbox server that a protocol goes to. */
export const endpointOf = (protocol: ClientProtocol): EndpointName => (isWeb(protocol) ? 'http' : protocol);

const paths: Readonly<Record<WebService, string>> = {
  owa: '/owa',
  ecp: '/ecp',
  ews: '/ews',
  eas: '/microsoft-server-activesync',
  mapi: '/mapi',
  rpc: '/rpc',
  oab: '/oab',
  autodiscover: '/autodiscover',
  powershell: '/powershell',
};

/** The web service of a request's path; undefined when no service has it. */
export function serviceOfPath(path: string): WebService | undefined {
  const lower = path.toLowerCase();
  return webServices.find((service) => {
    const root = paths[service];
    return lower.startsWith(root) && /^(?:[/?;]|$)/.test(lower.slice(root.length));
  });
}
