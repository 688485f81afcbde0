import type { ReceiveConnector, Server } from '../catalogue/catalogue.js';
import type { NounName } from '../fields.js';
import { parseBinding } from '../formats.js';
import { nameKey } from '../names.js';
import type { AddressRange } from '../ranges.js';
import { canonicalAddress, parseRange } from '../ranges.js';
import type { Topology } from '../topology.js';
import { isFrontEnd } from '../topology.js';
import type { Finding } from './finding.js';
import { errorOf } from './finding.js';

/** Whether a door belongs to a front end: its `server` is that one, or none is named. */
export const belongsTo = (door: { readonly server: string | null }, frontEnd: Server): boolean =>
  door.server === null || nameKey(door.server) === nameKey(frontEnd.name);

const wildcards = new Set(['0.0.0.0', '::']);

/** Whether two bindings can be the same socket: one port, one address or a wildcard of its family. */
function sameSocket(a: string, b: string): boolean {
  const left = parseBinding(a);
  const right = parseBinding(b);
  if (!left || !right || left.port !== right.port) return false;
  const [first, second] = [canonicalAddress(left.host), canonicalAddress(right.host)];
  if (first.includes(':') !== second.includes(':')) return false;
  return first === second || wildcards.has(first) || wildcards.has(second);
}

/** Whether two bindings name one address and port, however they are written. */
function isSameBinding(a: string, b: string): boolean {
  const left = parseBinding(a);
  const right = parseBinding(b);
  if (!left || !right) return false;
  return left.port === right.port && canonicalAddress(left.host) === canonicalAddress(right.host);
}

export function checkReceiveConnectors(topology: Topology): Finding[] {
  return topology.receiveConnectors.flatMap((connector) => [
    ...checkConnectorRules(connector),
    ...checkConnectorPairs(topology, connector),
  ]);
}

/** The rules of one connector, each with the field that breaks it. */
function checkConnectorRules(connector: ReceiveConnector): Finding[] {
  const { auth } = connector;
  const has = (mechanism: ReceiveConnector['auth'][number]): boolean => auth.includes(mechanism);
  const rules: ReadonlyArray<readonly [broken: boolean, field: string, message: string]> = [
    [has('none') && auth.length > 1, 'auth', 'auth "none" stands alone'],
    [
      has('basic-require-tls') && !(has('basic') && has('tls')),
      'auth',
      'auth "basic-require-tls" needs "basic" and "tls" too',
    ],
    [
      has('external-authoritative') &&
        auth.some((mechanism) => mechanism !== 'tls' && mechanism !== 'external-authoritative'),
      'auth',
      'auth "external-authoritative" goes with "tls" only',
    ],
    [
      has('external-authoritative') && !connector.permissionGroups.includes('servers'),
      'permissionGroups',
      'auth "external-authoritative" needs the permission group "servers"',
    ],
    [connector.requireTls && !has('tls'), 'requireTls', 'requireTls needs "tls" in auth'],
    [connector.implicitTls && !has('tls'), 'implicitTls', 'implicitTls needs "tls" in auth'],
    [connector.bindings.length === 0, 'bindings', 'a connector needs at least one binding'],
    [
      connector.inactivityTimeout >= connector.connectionTimeout,
      'inactivityTimeout',
      'inactivityTimeout must be shorter than connectionTimeout',
    ],
  ];
  return rules
    .filter(([broken]) => broken)
    .map(([, field, message]) => errorOf('receive-connector')(connector.name, [field], 'connector-rule', message));
}

/** Two connectors of one front end on one binding: no range twice, and overlapping ranges one within the other. */
function checkConnectorPairs(topology: Topology, connector: ReceiveConnector): Finding[] {
  const position = topology.receiveConnectors.indexOf(connector);
  const shareFrontEnd = (other: ReceiveConnector): boolean =>
    topology.servers.some((server) => isFrontEnd(server) && belongsTo(connector, server) && belongsTo(other, server)) ||
    other.server === connector.server;
  return topology.receiveConnectors.slice(0, position).flatMap((other) => {
    const binding = connector.bindings.find((mine) => other.bindings.some((theirs) => isSameBinding(mine, theirs)));
    if (binding === undefined || !shareFrontEnd(other)) return [];
    return clashOfRanges(connector, other, binding);
  });
}

function clashOfRanges(connector: ReceiveConnector, other: ReceiveConnector, binding: string): Finding[] {
  const error = errorOf('receive-connector');
  for (const [index, mine] of connector.remoteRanges.entries()) {
    for (const theirs of other.remoteRanges) {
      const relation = relate(parseRange(mine), parseRange(theirs));
      const path = ['remoteRanges', index];
      if (relation === 'same') {
        const message = `binding ${binding} and remote range ${mine} are those of receive connector "${other.name}" already`;
        return [error(connector.name, path, 'connector-clash', message)];
      }
      if (relation === 'overlap') {
        const message = `remote range ${mine} overlaps ${theirs} of receive connector "${other.name}" on ${binding}; one must hold the other whole`;
        return [error(connector.name, path, 'connector-overlap', message)];
      }
    }
  }
  return [];
}

function relate(a: AddressRange | undefined, b: AddressRange | undefined): 'same' | 'overlap' | 'apart' | 'nested' {
  if (!a || !b || a.family !== b.family || a.last < b.first || b.last < a.first) return 'apart';
  if (a.first === b.first && a.last === b.last) return 'same';
  const nested = (a.first <= b.first && a.last >= b.last) || (b.first <= a.first && b.last >= a.last);
  return nested ? 'nested' : 'overlap';
}

interface Socket {
  readonly noun: NounName;
  readonly name: string;
  readonly binding: string;
  readonly path: readonly PropertyKey[];
  readonly udp: boolean;
}

function socketsOf(topology: Topology, frontEnd: Server): Socket[] {
  const connectors = topology.receiveConnectors.filter(
    (connector) => connector.enabled && belongsTo(connector, frontEnd),
  );
  const listeners = topology.listeners.filter((listener) => belongsTo(listener, frontEnd));
  return [
    ...connectors.flatMap(({ name, bindings }) =>
      bindings.map((binding, index) => ({
        noun: 'receive-connector' as const,
        name,
        binding,
        path: ['bindings', index],
        udp: false,
      })),
    ),
    ...listeners.map(({ name, bind, transport }) => ({
      noun: 'listener' as const,
      name,
      binding: bind,
      path: ['bind'],
      udp: transport === 'udp',
    })),
  ];
}

/** Two doors of one front end on one address and port; receive connectors may share theirs. */
export function checkDoors(topology: Topology): Finding[] {
  const findings = new Map<string, Finding>();
  for (const frontEnd of topology.servers.filter(isFrontEnd)) {
    const sockets = socketsOf(topology, frontEnd);
    for (const [index, socket] of sockets.entries()) {
      const other = sockets.slice(0, index).find((earlier) => clash(earlier, socket));
      if (!other) continue;
      const message = `${socket.binding} is the door of ${other.noun} "${other.name}" (${other.binding}) on ${frontEnd.name} already`;
      findings.set(
        `${socket.noun} ${socket.name}`,
        errorOf(socket.noun)(socket.name, socket.path, 'door-clash', message),
      );
    }
  }
  return [...findings.values()];
}

function clash(a: Socket, b: Socket): boolean {
  const bothConnectors = a.noun === 'receive-connector' && b.noun === 'receive-connector';
  return !bothConnectors && a.udp === b.udp && sameSocket(a.binding, b.binding);
}
