import type { NounName } from '../fields.js';
import type { Topology } from '../topology.js';
import { isFrontEnd } from '../topology.js';
import type { Finding } from './finding.js';
import { warningOf } from './finding.js';

/** Doors of servers that open none. */
export function checkDoorServers(topology: Topology): Finding[] {
  return [
    ...doorsElsewhere(topology, 'receive-connector', topology.receiveConnectors),
    ...doorsElsewhere(topology, 'listener', topology.listeners),
  ];
}

function doorsElsewhere(
  topology: Topology,
  noun: NounName,
  doors: ReadonlyArray<{ readonly name: string; readonly server: string | null }>,
): Finding[] {
  return doors.flatMap((door) => {
    const server = door.server === null ? undefined : topology.server(door.server);
    if (!server || isFrontEnd(server)) return [];
    const message = `is a door of ${server.name}, which is no front end and never opens it; name a front end, or add the role frontend to ${server.name}`;
    return [warningOf(noun)(door.name, ['server'], 'door-without-front-end', message)];
  });
}
