import { domainKey } from '../mail-address.js';
import type { Topology } from '../topology.js';
import type { Finding } from './finding.js';
import { warningOf } from './finding.js';
import { namesText } from './reach.js';

const warning = warningOf('organization');

/** A default domain that is none of ours. */
export function checkDefaultDomain(topology: Topology): Finding[] {
  const { defaultDomain } = topology.organization;
  if (defaultDomain === null) return [];
  if (topology.acceptedDomain(domainKey(defaultDomain) ?? defaultDomain)) return [];
  const message = `has the default domain ${defaultDomain}, which is no accepted domain; make it one, or choose another`;
  return [warning('organization', ['defaultDomain'], 'default-domain-not-accepted', message)];
}

/** Doors where people log on while nothing completes a login without a domain. */
export function checkLoginDomain(topology: Topology): Finding[] {
  if (topology.organization.defaultDomain !== null || topology.domains.length === 1) return [];
  const doors = [
    ...topology.listeners.filter(({ protocol, redirectToHttps }) => protocol !== 'sip' && !redirectToHttps),
    ...topology.receiveConnectors.filter(
      ({ enabled, permissionGroups }) => enabled && permissionGroups.includes('users'),
    ),
  ];
  if (doors.length === 0) return [];
  const domains = topology.domains.length === 0 ? 'no accepted domain' : `${topology.domains.length} accepted domains`;
  const message = `has no default domain and ${domains}; logins without a domain (ann instead of ann@contoso.com) will not be found at ${namesText(doors)}; set defaultDomain`;
  return [warning('organization', ['defaultDomain'], 'login-without-domain', message)];
}
