import type { Database } from '../catalogue/catalogue.js';
import { domainKey } from '../mail-address.js';
import { nameKey } from '../names.js';
import type { Topology } from '../topology.js';
import { isFrontEnd, isMailboxServer } from '../topology.js';
import type { Finding } from './finding.js';
import { errorOf, warningOf } from './finding.js';

export function checkServers(topology: Topology): Finding[] {
  const error = errorOf('server');
  return topology.servers.flatMap((server) => {
    const findings: Finding[] = [];
    if (server.roles.length === 0)
      findings.push(error(server.name, ['roles'], 'no-role', 'a server needs a role: mailbox, frontend'));
    const states = server.components.map((state) => `${state.component} by ${state.requester}`);
    const twice = states.findIndex((state, index) => states.indexOf(state) < index);
    if (twice >= 0) {
      const message = `the state of ${states[twice]} stands there twice`;
      findings.push(error(server.name, ['components', twice], 'state-twice', message));
    }
    if (server.dag !== null && !isMailboxServer(server)) {
      findings.push(error(server.name, ['dag'], 'dag-needs-mailbox-role', 'only a mailbox server can be in a DAG'));
    }
    return findings;
  });
}

export function checkDatabases(topology: Topology): Finding[] {
  return topology.databases.flatMap((database) => [
    ...checkCopies(topology, database),
    ...checkActive(topology, database),
  ]);
}

function checkCopies(topology: Topology, database: Database): Finding[] {
  const error = errorOf('database');
  const servers = database.copies.map((name) => topology.server(name));
  const findings = servers.flatMap((server, index) =>
    server && !isMailboxServer(server)
      ? [error(database.name, ['copies', index], 'no-mailbox-server', `${server.name} is no mailbox server`)]
      : [],
  );
  if (database.copies.length < 2) return findings;
  const first = servers[0];
  for (const [index, server] of servers.entries()) {
    if (!server || !first) continue;
    if (server.dag === null) {
      const message = `${server.name} is in no DAG; a database with several copies needs all of them in one DAG`;
      findings.push(error(database.name, ['copies', index], 'copies-across-dags', message));
    } else if (nameKey(server.dag) !== nameKey(first.dag ?? server.dag)) {
      const message = `${server.name} is in ${server.dag}, ${first.name} in ${first.dag}; all copies must be in one DAG`;
      findings.push(error(database.name, ['copies', index], 'copies-across-dags', message));
    }
  }
  return findings;
}

function checkActive(topology: Topology, database: Database): Finding[] {
  if (!topology.server(database.active)) return [];
  if (database.copies.some((copy) => nameKey(copy) === nameKey(database.active))) return [];
  const message = `${database.active} has no copy; the copies are on ${database.copies.join(', ')}`;
  return [errorOf('database')(database.name, ['active'], 'active-without-copy', message)];
}

export function checkDomains(topology: Topology): Finding[] {
  const seen = new Map<string, string>();
  return topology.domains.flatMap((domain) => {
    const key = domainKey(domain.name) ?? domain.name;
    const other = seen.get(key);
    seen.set(key, domain.name);
    if (other === undefined) return [];
    return [errorOf('domain')(domain.name, ['name'], 'same-domain', `is the same domain as "${other}"`)];
  });
}

export function checkSites(topology: Topology): Finding[] {
  const warning = warningOf('site');
  const frontEndSites = new Set(topology.servers.filter(isFrontEnd).map((server) => nameKey(server.site)));
  return topology.sites.flatMap((site) => {
    const findings: Finding[] = [];
    const mailboxServers = topology.mailboxServersOf(site.name);
    if (site.hub && mailboxServers.length === 0) {
      const message = 'is a hub site without a mailbox server; mail that must stop there has nowhere to go';
      findings.push(warning(site.name, ['hub'], 'hub-without-server', message));
    }
    if (mailboxServers.length > 0 && !frontEndSites.has(nameKey(site.name))) {
      const message = `has mailbox servers (${mailboxServers
        .map((server) => server.name)
        .slice(0, 5)
        .join(', ')}) and no front end`;
      findings.push(warning(site.name, [], 'site-without-front-end', message));
    }
    if (topology.sites.length > 1 && topology.linksOf(site.name).length === 0) {
      findings.push(warning(site.name, [], 'site-without-link', 'has no link; nothing can reach it from other sites'));
    }
    return findings;
  });
}

export function checkHttpServices(topology: Topology): Finding[] {
  const seen = new Map<string, string>();
  return topology.httpServices.flatMap((service) => {
    const other = seen.get(nameKey(service.path));
    seen.set(nameKey(service.path), service.name);
    if (other === undefined) return [];
    return [
      errorOf('http-service')(
        service.name,
        ['path'],
        'path-taken',
        `${service.path} is the path of "${other}" already`,
      ),
    ];
  });
}

const gatewaysMax = 200;

export function checkCalls(topology: Topology): Finding[] {
  const error = errorOf('hunt-group');
  const findings: Finding[] = [];
  const pilots = new Map<string, string>();
  for (const group of topology.huntGroups) {
    const key = `${nameKey(group.gateway)} ${group.pilot}`;
    const other = pilots.get(key);
    if (other !== undefined) {
      findings.push(
        error(
          group.name,
          ['pilot'],
          'pilot-taken',
          `gateway "${group.gateway}" has pilot ${group.pilot} in "${other}" already`,
        ),
      );
    }
    pilots.set(key, group.name);
  }
  for (const plan of topology.dialPlans) {
    const groups = topology.huntGroups.filter((group) => nameKey(group.dialPlan) === nameKey(plan.name));
    const gateways = new Set(groups.map((group) => nameKey(group.gateway)));
    if (gateways.size > gatewaysMax) {
      const message = `has ${gateways.size} gateways through its hunt groups; at most ${gatewaysMax} are allowed`;
      findings.push(errorOf('dial-plan')(plan.name, [], 'too-many-gateways', message));
    }
  }
  return findings;
}
