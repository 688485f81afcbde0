import type { Component, WebService } from '../topology/components.js';
import { componentsOfService, webServicePaths, webServices } from '../topology/components.js';
import { nameKey } from '../topology/names.js';
import type { Topology } from '../topology/topology.js';

/** A web service of the front end: a built-in one, or one that the administrator named. */
export interface Service {
  readonly name: string;
  /** Where it lives, in lower case: `/owa`. */
  readonly path: string;
  /** What has to be active on the mailbox server. */
  readonly component: Component;
  /** What has to be active on the front end. */
  readonly proxyComponent: Component;
  /** Of the mailbox server, in place of its endpoint's; null: that one. */
  readonly port: number | null;
  /** How long a server may be silent before it answers, and within an answer. */
  readonly silenceTimeoutMs: number;
  readonly isBuiltIn: boolean;
}

export type MailAccess = 'imap' | 'pop';

/** What clients ask a front end for: IMAP, POP, or a web service. */
export type ClientProtocol = MailAccess | Service;

const minute = 60_000;
// Long polls of an hour, and what a server takes to end them.
const pollTimeoutMs = 65 * minute;
const silenceTimeoutsMs: Partial<Record<WebService, number>> = {
  owa: pollTimeoutMs,
  ews: pollTimeoutMs,
  eas: pollTimeoutMs,
  mapi: pollTimeoutMs,
  rpc: 120 * minute,
};

function builtInService(name: WebService): Service {
  return {
    name,
    path: webServicePaths[name],
    component: name,
    proxyComponent: frontEndComponent(name),
    port: null,
    silenceTimeoutMs: silenceTimeoutsMs[name] ?? 5 * minute,
    isBuiltIn: true,
  };
}

const builtInServices: readonly Service[] = webServices.map(builtInService);
const builtInByName = new Map(builtInServices.map((service) => [service.name, service]));

interface ServiceTable {
  readonly services: readonly Service[];
  /** By the first segment of their paths, the longest path first. */
  readonly bySegment: ReadonlyMap<string, readonly Service[]>;
}

const tables = new WeakMap<Topology, ServiceTable>();

function tableOf(topology: Topology): ServiceTable {
  const known = tables.get(topology);
  if (known) return known;
  const further = topology.httpServices.map(({ name, path, port, timeout }): Service => {
    const { mailbox: component, frontEnd: proxyComponent } = componentsOfService(name);
    return { name, path: nameKey(path), component, proxyComponent, port, silenceTimeoutMs: timeout, isBuiltIn: false };
  });
  const services = [...builtInServices, ...further];
  const bySegment = new Map<string, Service[]>();
  for (const service of [...services].sort((a, b) => b.path.length - a.path.length)) {
    const segment = service.path.slice(0, segmentEnd(service.path));
    bySegment.set(segment, [...(bySegment.get(segment) ?? []), service]);
  }
  const table = { services, bySegment };
  tables.set(topology, table);
  return table;
}

// Longer than the path of any service.
const segmentLengthMax = 300;

/** Where the first segment of a path ends. */
function segmentEnd(path: string): number {
  let end = 1;
  while (end < segmentLengthMax && !isBorder(path, end)) end += 1;
  return end;
}

/** Whether a segment's name ends here. */
function isBorder(path: string, index: number): boolean {
  if (index >= path.length) return true;
  const char = path.charAt(index);
  return char === '/' || char === '?' || char === ';';
}

/** The web service of a request's path, the one with the longest path of its own; undefined when no service has it. */
export function serviceOfPath(topology: Topology, path: string): Service | undefined {
  const services = tableOf(topology).bySegment.get(nameKey(path.slice(0, segmentEnd(path))));
  if (!services) return undefined;
  if (services.length === 1 && services[0]?.isBuiltIn) return services[0];
  return services.find(
    (service) => isBorder(path, service.path.length) && nameKey(path.slice(0, service.path.length)) === service.path,
  );
}

/** The web service of a name. */
function serviceNamed(topology: Topology, name: string): Service | undefined {
  const builtIn = builtInByName.get(name);
  if (builtIn) return builtIn;
  const key = nameKey(name);
  return builtInByName.get(key) ?? tableOf(topology).services.find((service) => nameKey(service.name) === key);
}

/** The names of all that clients can ask for at a front end. */
export function clientProtocolNames(topology: Topology): readonly string[] {
  return [...tableOf(topology).services.map(({ name }) => name), 'imap', 'pop'];
}

/** What a name asks for; undefined when there is no service of this name. */
export function protocolNamed(topology: Topology, name: string): ClientProtocol | undefined {
  return name === 'imap' || name === 'pop' ? name : serviceNamed(topology, name);
}

/** The component of the front end that a protocol needs. */
export function frontEndComponent(name: MailAccess | WebService): Component {
  return componentsOfService(name).frontEnd;
}
