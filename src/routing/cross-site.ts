import type { Server } from '../topology/catalogue/catalogue.js';
import type { WebService } from '../topology/components.js';
import { webServices } from '../topology/components.js';
import { nameKey } from '../topology/names.js';
import type { Topology } from '../topology/topology.js';
import type { ClientRequest } from './client-hints.js';
import type { Service } from './client-protocols.js';
import type { Decision } from './decision.js';
import { decide, step } from './decision.js';

interface Place extends ClientRequest {
  readonly topology: Topology;
  readonly frontEnd: Server;
}

const redirectStatus: Partial<Record<WebService, number>> = { owa: 302, ecp: 302, eas: 451 };

/** A mailbox of another site that has an address of its own outside: OWA and ECP are sent there, ActiveSync where told. */
export function crossSiteRedirect(service: Service, place: Place, server: Server): Decision | undefined {
  const { topology, frontEnd } = place;
  if (!service.isBuiltIn || nameKey(server.site) === nameKey(frontEnd.site)) return undefined;
  const name = webServices.find((name) => name === service.name);
  const status = name && redirectStatus[name];
  if (name === undefined || status === undefined) return undefined;
  const wish = topology.site(server.site)?.services[name];
  const location = wish?.externalUrl;
  if (!location || (wish.crossSite ?? (name === 'eas' ? 'proxy' : 'redirect')) !== 'redirect') return undefined;
  const own = topology.site(frontEnd.site)?.services[name]?.externalUrl;
  const there = hostOf(location);
  // Sending a client to a name that leads here would loop.
  if (there === hostUsed(place) || (own && there === hostOf(own))) return undefined;
  const trace = [step('cross-site/redirect', `site ${server.site} is reached at ${location}`)];
  const reply = { code: status, enhanced: null, text: status === 451 ? 'Redirect' : 'Found' };
  return decide('redirect', 'cross-site', trace, { location, reply });
}

/** The host name that the client used. */
function hostUsed({ url, headers }: ClientRequest): string {
  if (url !== null && /^https?:/i.test(url)) return hostOf(url);
  return (headers.get('host') ?? '').replace(/:\d+$/, '').toLowerCase();
}

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).hostname : '');
