import { nouns } from '../catalogue/catalogue.js';
import type { Topology } from '../topology.js';
import { checkComponents } from './components.js';
import { checkDoorServers } from './door-servers.js';
import { checkDoors, checkReceiveConnectors } from './doors.js';
import type { Finding } from './finding.js';
import { checkHttpServices } from './http-services.js';
import { checkListeners } from './listeners.js';
import { checkDefaultDomain } from './login-domains.js';
import { checkCalls, checkDatabases, checkDomains, checkServers } from './places.js';
import { createNameIndex, danglingReferences, objectsOf } from './references.js';
import { checkSendConnectorLoops } from './send-connector-loops.js';
import { checkSendConnectorRules } from './send-connector-rules.js';
import { checkSendConnectorSources } from './send-connector-sources.js';
import { checkSendConnectorSpaces } from './send-connector-spaces.js';
import { checkShadowedReceiveConnectors } from './shadowed-receive-connectors.js';
import { checkSites } from './sites.js';

const checks = [
  checkSites,
  checkServers,
  checkComponents,
  checkDatabases,
  checkDomains,
  checkDefaultDomain,
  checkSendConnectorSources,
  checkSendConnectorRules,
  checkSendConnectorSpaces,
  checkSendConnectorLoops,
  checkReceiveConnectors,
  checkShadowedReceiveConnectors,
  checkListeners,
  checkDoors,
  checkDoorServers,
  checkHttpServices,
  checkCalls,
];

/** Everything wrong or odd in an estate that its objects do not show one by one. */
export function checkTopology(topology: Topology): Finding[] {
  const namesOf = createNameIndex(topology);
  const dangling = nouns
    .filter((noun) => !noun.inDirectory)
    .flatMap((noun) => objectsOf(topology, noun).flatMap((object) => danglingReferences(noun, object, namesOf)));
  return [...dangling, ...checks.flatMap((check) => check(topology))];
}
