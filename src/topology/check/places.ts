import type { Database } from '../catalogue/catalogue.js';
import { domainKey } from '../mail-address.js';
import { nameKey } from '../names.js';
import { formatDuration } from '../quantities.js';
import type { Topology } from '../topology.js';
import { isMailboxServer } from '../topology.js';
import type { Finding } from './finding.js';
import { errorOf } from './finding.js';

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

const gatewaysMax = 200;
const probeMsMin = 1000;

function checkGateways(topology: Topology): Finding[] {
  const error = errorOf('gateway');
  return topology.callGateways.flatMap(({ name, probe }) => {
    if (probe === 0 || probe >= probeMsMin) return [];
    const message = `asking every ${formatDuration(probe)} is too often; probe is 0s (never) or at least 1s`;
    return [error(name, ['probe'], 'out-of-range', message)];
  });
}

export function checkCalls(topology: Topology): Finding[] {
  const error = errorOf('hunt-group');
  const findings = checkGateways(topology);
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
