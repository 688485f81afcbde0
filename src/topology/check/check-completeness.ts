import type { Listener } from '../catalogue/catalogue.js';
import { nameKey } from '../names.js';
import type { Topology } from '../topology.js';
import { isFrontEnd, isMailboxServer } from '../topology.js';
import { belongsTo } from './doors.js';
import type { Finding } from './finding.js';
import { warningOf } from './finding.js';
import { checkLoginDomain } from './login-domains.js';
import { connectedSites, namesText } from './reach.js';

/** What an estate still lacks to do its work: odd when it is finished, usual while it is being made. */
export function checkCompleteness(topology: Topology, directory: { readonly hasGroupsOrContacts: boolean }): Finding[] {
  return [
    ...checkReach(topology),
    ...checkDags(topology),
    ...checkGeneralServers(topology, directory.hasGroupsOrContacts),
    ...checkLoginDomain(topology),
    ...checkGateways(topology),
    ...checkCallSecurity(topology),
    ...checkRedirects(topology),
  ];
}

/** Front ends and mailbox servers that no links bring together. */
function checkReach(topology: Topology): Finding[] {
  const warning = warningOf('server');
  const hasFrontEnds = topology.servers.some(isFrontEnd);
  return connectedSites(topology).flatMap((sites) => {
    const keys = new Set(sites.map(({ name }) => nameKey(name)));
    const servers = topology.servers.filter(({ site }) => keys.has(nameKey(site)));
    const frontEnds = servers.filter(isFrontEnd);
    const mailboxServers = servers.filter(isMailboxServer);
    if (mailboxServers.length === 0) {
      const message =
        'reaches no mailbox server: none is in its site or in a site that links lead to; all mail and logins are put off';
      return frontEnds.map(({ name }) => warning(name, ['site'], 'front-end-without-mailbox-server', message));
    }
    if (frontEnds.length > 0 || !hasFrontEnds) return [];
    return mailboxServers.map(({ name, site }) => {
      const message = `is in no front end's reach: no links lead from a site with a front end to ${site}`;
      return warning(name, ['site'], 'server-out-of-reach', message);
    });
  });
}

function checkDags(topology: Topology): Finding[] {
  const warning = warningOf('dag');
  return topology.dags.flatMap((dag) => {
    const [first, ...rest] = topology.membersOf(dag.name);
    if (!first) return [warning(dag.name, [], 'dag-without-members', 'has no members; no server names it as its dag')];
    if (rest.length > 0) return [];
    const message = `has one member, ${first.name}; its databases can have no second copy`;
    return [warning(dag.name, [], 'dag-of-one', message)];
  });
}

/** Sites whose mailbox servers all accept only their own mailboxes, while there is mail for others. */
function checkGeneralServers(topology: Topology, hasGroupsOrContacts: boolean): Finding[] {
  if (!hasGroupsOrContacts && topology.domains.every(({ type }) => type === 'authoritative')) return [];
  const withFrontEnd = new Set(topology.servers.filter(isFrontEnd).map(({ site }) => nameKey(site)));
  return connectedSites(topology).flatMap((sites) => {
    const general = sites.filter(({ name }) =>
      topology.mailboxServersOf(name).some(({ accepts }) => accepts === 'any'),
    );
    return sites.flatMap((site) => {
      const servers = topology.mailboxServersOf(site.name);
      if (!withFrontEnd.has(nameKey(site.name)) || servers.length === 0 || general.includes(site)) return [];
      const where = general.length > 0 ? `goes to another site (${namesText(general)})` : 'has nowhere to go';
      const message = `has only mailbox servers that accept nothing but mail for their own mailboxes (${namesText(servers)}); mail for groups, contacts and relay domains ${where}; set accepts to any on one of them`;
      return [warningOf('site')(site.name, [], 'no-general-server', message)];
    });
  });
}

function checkGateways(topology: Topology): Finding[] {
  const used = new Set(topology.huntGroups.map(({ gateway }) => nameKey(gateway)));
  return topology.callGateways.flatMap(({ name, enabled }) => {
    if (!enabled || used.has(nameKey(name))) return [];
    const message = 'has no hunt group; its calls are refused';
    return [warningOf('gateway')(name, [], 'gateway-without-hunt-group', message)];
  });
}

/** Dial plans in use whose calls come in a way that no listener takes. */
function checkCallSecurity(topology: Topology): Finding[] {
  const used = new Map(topology.huntGroups.map((group) => [nameKey(group.dialPlan), group.name]));
  const listeners = topology.listeners.filter(({ protocol }) => protocol === 'sip');
  return topology.dialPlans.flatMap((plan) => {
    const group = used.get(nameKey(plan.name));
    const tls: Listener['tls'] = plan.security === 'unsecured' ? 'none' : 'implicit';
    if (group === undefined || listeners.some((listener) => listener.tls === tls)) return [];
    const message = `is ${plan.security}, and no sip listener has tls ${tls}; calls of hunt group "${group}" find no door; add such a listener`;
    return [warningOf('dial-plan')(plan.name, ['security'], 'security-without-listener', message)];
  });
}

/** Doors that send everybody to https at front ends that have no other web door. */
function checkRedirects(topology: Topology): Finding[] {
  const webDoors = topology.listeners.filter(({ protocol }) => protocol === 'http');
  const lacking = topology.servers
    .filter(isFrontEnd)
    .filter((frontEnd) => !webDoors.some((door) => !door.redirectToHttps && belongsTo(door, frontEnd)));
  return webDoors.flatMap((door) => {
    const frontEnds = door.redirectToHttps ? lacking.filter((frontEnd) => belongsTo(door, frontEnd)) : [];
    if (frontEnds.length === 0) return [];
    const message = `sends every client to https, and ${namesText(frontEnds)} has no such door; add an http listener with tls implicit`;
    return [warningOf('listener')(door.name, ['redirectToHttps'], 'redirect-without-door', message)];
  });
}
