import type { Server } from '../catalogue/catalogue.js';
import { components, componentsOfService, frontEndComponents, mailboxComponents } from '../components.js';
import { didYouMean } from '../names.js';
import type { Topology, TopologyObjects } from '../topology.js';
import { isFrontEnd, isMailboxServer } from '../topology.js';
import type { Finding } from './finding.js';
import { errorOf, warningOf } from './finding.js';

/** States of components that are not there, or that a server of these roles does not have. */
export function checkComponents(topology: Topology): Finding[] {
  const further = topology.httpServices.map(({ name }) => componentsOfService(name));
  const ofMailboxServers = new Set<string>([...mailboxComponents, ...further.map(({ mailbox }) => mailbox)]);
  const ofFrontEnds = new Set<string>([...frontEndComponents, ...further.map(({ frontEnd }) => frontEnd)]);
  const known = new Set<string>([...components, ...ofMailboxServers, ...ofFrontEnds]);
  return topology.servers.flatMap((server) => [
    ...unknownComponents(server, known),
    ...(isMailboxServer(server) ? [] : foreignComponents(server, 'mailbox server', ofMailboxServers)),
    ...(isFrontEnd(server) ? [] : foreignComponents(server, 'front end', ofFrontEnds)),
  ]);
}

function unknownComponents(server: Server, known: ReadonlySet<string>): Finding[] {
  return server.components.flatMap(({ component }, index) => {
    if (known.has(component)) return [];
    const hint = didYouMean(component, known) || `; known: ${[...known].join(', ')}`;
    const message = `there is no component "${component}"${hint}`;
    return [errorOf('server')(server.name, ['components', index, 'component'], 'unknown-component', message)];
  });
}

function foreignComponents(server: Server, whose: string, names: ReadonlySet<string>): Finding[] {
  if (server.roles.length === 0) return [];
  return server.components.flatMap(({ component, state }, index) => {
    if (!names.has(component)) return [];
    const message = `has a state of ${component} (${state}), a component of a ${whose}, which it is not; it has no effect`;
    return [warningOf('server')(server.name, ['components', index], 'component-of-other-role', message)];
  });
}

/** Servers with a state of a component of a further HTTP service. */
export function serversWithComponentsOf(service: string, { servers }: TopologyObjects): readonly Server[] {
  const { mailbox, frontEnd } = componentsOfService(service);
  return servers.filter((server) =>
    server.components.some(({ component }) => component === mailbox || component === frontEnd),
  );
}
