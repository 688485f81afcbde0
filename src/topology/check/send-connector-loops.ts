import type { SendConnector, Server } from '../catalogue/catalogue.js';
import { parseBinding, parseSmartHost } from '../formats.js';
import { canonicalAddress } from '../ranges.js';
import type { Topology } from '../topology.js';
import { isFrontEnd } from '../topology.js';
import { belongsTo } from './doors.js';
import type { Finding } from './finding.js';
import { warningOf } from './finding.js';

/** Smart hosts that are SMTP doors of our own front ends: what is sent there comes back in. */
export function checkSendConnectorLoops(topology: Topology): Finding[] {
  const senders = topology.sendConnectors.filter(({ smartHosts }) => smartHosts.length > 0);
  if (senders.length === 0) return [];
  const doors = smtpDoors(topology);
  return senders.flatMap((connector) => checkConnector(connector, doors));
}

interface Door {
  readonly frontEnd: string;
  readonly receiveConnector: string;
}

function checkConnector(connector: SendConnector, doors: ReadonlyMap<string, Door>): Finding[] {
  return connector.smartHosts.flatMap((text, index) => {
    const smartHost = parseSmartHost(text);
    const door = smartHost && doors.get(socketKey(smartHost.host, smartHost.port ?? connector.port));
    if (!door) return [];
    const message = `has smart host ${text}, which is receive connector "${door.receiveConnector}" of front end ${door.frontEnd}; mail would come back in; name a host outside`;
    return [warningOf('send-connector')(connector.name, ['smartHosts', index], 'smart-host-loops', message)];
  });
}

const socketKey = (host: string, port: number): string => `${canonicalAddress(host).toLowerCase()} ${port}`;

/** The doors that receive connectors open, by host and port; behind a wildcard it is the front end's own host. */
function smtpDoors(topology: Topology): Map<string, Door> {
  const doors = new Map<string, Door>();
  const connectors = topology.receiveConnectors.filter(({ enabled }) => enabled);
  for (const frontEnd of topology.servers.filter(isFrontEnd)) {
    for (const connector of connectors.filter((door) => belongsTo(door, frontEnd))) {
      for (const text of connector.bindings) {
        const binding = parseBinding(text);
        if (!binding) continue;
        const key = socketKey(hostOf(binding.host, frontEnd), binding.port);
        doors.set(key, { frontEnd: frontEnd.name, receiveConnector: connector.name });
      }
    }
  }
  return doors;
}

function hostOf(bound: string, frontEnd: Server): string {
  const address = canonicalAddress(bound);
  return address === '0.0.0.0' || address === '::' ? frontEnd.host : address;
}
