import { componentState } from '../routing/availability.js';
import type { DirectorySurvey } from '../store/directory-survey.js';
import type { Server } from '../topology/catalogue/catalogue.js';
import type { Finding } from '../topology/check/finding.js';
import { warningOf } from '../topology/check/finding.js';
import { namesText } from '../topology/check/reach.js';
import type { Component } from '../topology/components.js';
import { mailboxComponents } from '../topology/components.js';
import type { Topology } from '../topology/topology.js';
import { isMailboxServer } from '../topology/topology.js';

/** Work that is given to servers that are out of service. */
export function checkServiceState(
  topology: Topology,
  expansionServers: DirectorySurvey['expansionServers'],
): Finding[] {
  return [
    ...checkActiveServers(topology),
    ...checkSources(topology),
    ...checkExpansionServers(topology, expansionServers),
  ];
}

const isSending = (server: Server): boolean => componentState(server, 'hub-transport') === 'active';

/** `hub-transport inactive, imap draining`; with the whole server out of service that alone. */
function stateText(server: Server): string {
  const whole = componentState(server, 'server-wide');
  const outOf: readonly Component[] = whole === 'active' ? mailboxComponents : ['server-wide'];
  const states = outOf.map((component) => ({ component, state: componentState(server, component) }));
  return states.flatMap(({ component, state }) => (state === 'active' ? [] : [`${component} ${state}`])).join(', ');
}

function checkActiveServers(topology: Topology): Finding[] {
  return topology.databases.flatMap((database) => {
    const server = topology.server(database.active);
    const state = server && stateText(server);
    if (!server || !state) return [];
    const way =
      database.copies.length > 1 ? '; activate another copy, or put it back in service' : '; put it back in service';
    const message = `is active on ${server.name}, which is out of service (${state})${way}`;
    return [warningOf('database')(database.name, ['active'], 'active-server-out-of-service', message)];
  });
}

function checkSources(topology: Topology): Finding[] {
  return topology.sendConnectors.flatMap((connector) => {
    const sources = connector.sources.flatMap((name) => topology.server(name) ?? []).filter(isMailboxServer);
    if (!connector.enabled || sources.length === 0 || sources.some(isSending)) return [];
    const message = `has no source in service: hub-transport is not active on ${namesText(sources)}; its mail waits there`;
    return [warningOf('send-connector')(connector.name, ['sources'], 'sources-out-of-service', message)];
  });
}

function checkExpansionServers(topology: Topology, named: DirectorySurvey['expansionServers']): Finding[] {
  const warning = warningOf('group');
  return named.flatMap(({ server: name, groups }) => {
    const server = topology.server(name);
    const group = groups.addresses[0] ?? '';
    const others = groups.count > 1 ? ` (and ${groups.count - 1} other groups)` : '';
    const path = ['expansionServer'];
    if (!server) return [];
    if (!isMailboxServer(server)) {
      const message = `is expanded on ${server.name}${others}, which is no mailbox server; name another expansion server`;
      return [warning(group, path, 'expansion-server-no-mailbox-server', message)];
    }
    if (isSending(server)) return [];
    const message = `is expanded on ${server.name}${others}, whose hub-transport is ${componentState(server, 'hub-transport')}; its mail waits, or name another expansion server`;
    return [warning(group, path, 'expansion-server-out-of-service', message)];
  });
}
