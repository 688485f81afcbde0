import type { SendConnector, Server } from '../../../src/topology/catalogue/catalogue.js';
import type { OracleDestination } from './oracle-destinations.js';
import { oracleSendConnector, oracleSources } from './oracle-send-connector.js';
import type { Group, OracleView } from './oracle-servers.js';
import { backwards, endOf, isOn, same } from './oracle-servers.js';
import type { SimplePath } from './simple-paths.js';
import { lower } from './simple-paths.js';

/** A next hop in words. Sets of servers are sorted and in lower case. */
export interface OracleHop {
  readonly outcome: string;
  readonly code: number | null;
  readonly name: string;
  readonly connector: string | null;
  readonly deliveryGroup: string | null;
  readonly path: string | null;
  readonly targets: readonly string[];
  readonly fallback: ReadonlyArray<readonly string[]>;
}

const none = { code: null, connector: null, deliveryGroup: null, path: null, targets: [], fallback: [] };
const unreachable: OracleHop = { ...none, outcome: 'unreachable', name: 'Unreachable Unreachable Domain' };
const tooLarge = (name: string): OracleHop => ({ ...none, outcome: 'reject', code: 552, name });

interface Step {
  readonly servers: readonly string[];
  readonly path: SimplePath | undefined;
}

/** One server with a message for one destination. */
export class OracleHopFinder {
  readonly view: OracleView;
  readonly source: Server;
  readonly sizeBytes: number | null;

  constructor(view: OracleView, source: Server, sizeBytes: number | null) {
    this.view = view;
    this.source = source;
    this.sizeBytes = sizeBytes;
  }

  hopTo(to: OracleDestination['to']): OracleHop {
    if ('refused' in to) return { ...none, outcome: 'reject', code: Number(to.refused), name: 'Unreachable ' };
    if ('database' in to) return this.toDatabase(to.database);
    if ('domain' in to) return this.toDomain(to.domain);
    const expander = this.view.mailboxServers.find((server) => same(server.name, to.expansionServer));
    if (expander?.accepts !== 'any') return unreachable;
    const group: Group = { kind: 'server-list', name: expander.name, members: [expander] };
    return this.toGroup(group, `SmtpRelayToServers ${expander.host}`, true);
  }

  private toDatabase(name: string): OracleHop {
    const database = this.view.asked.estate.objects.databases.find((entry) => same(entry.name, name));
    const active = this.view.activeOf(name);
    const group = this.view.groupOf(name);
    if (!database || !active || !group) return unreachable;
    const { source } = this;
    const isMate =
      active.dag === null ? source.dag === null && same(source.site, active.site) : same(source.dag, active.dag);
    if (isMate || source.name === active.name) {
      const own: Step = { servers: [active.name], path: this.view.pathTo(active.site) };
      const left = this.carryOut([own], 'hub-transport');
      return { ...left, outcome: left.targets.length > 0 ? 'deliver' : 'defer', name: `SmtpDeliveryToMailbox ${name}` };
    }
    const types = { dag: 'SmtpRelayToDag ', mailbox: 'SmtpRelayToMailboxDeliveryGroup Site:' };
    const type = group.kind === 'dag' || group.kind === 'mailbox' ? types[group.kind] : 'SmtpRelayToServers ';
    return this.toGroup(group, `${type}${group.name}`, false);
  }

  private toGroup(group: Group, name: string, membersOnly: boolean): OracleHop {
    const ways = this.view.waysTo(group);
    const [way] = ways;
    if (!way) return unreachable;
    if ((this.sizeBytes ?? 0) > way.widthBytes) return tooLarge(name);
    const hub = way.sites.slice(1).find((site) => this.view.isHub(site));
    if (hub !== undefined && hub !== endOf(way)) {
      const path = this.view.pathTo(hub);
      const steps = [{ servers: this.view.relays(hub), path }, ...(path ? backwards(this.view, path) : [])];
      return this.relay(steps, `site ${lower(hub)}`, `SmtpRelayToRemoteActiveDirectorySite ${hub}`);
    }
    const members = ways.map((path) => ({
      servers: group.members.filter((server) => same(server.site, endOf(path))).map((server) => server.name),
      path,
    }));
    const others = [{ servers: this.view.relays(endOf(way)), path: way }];
    const back = backwards(this.view, way);
    const named = `${group.kind} ${lower(group.name)}`;
    const hasNeighbour = members.some(({ path }) => path.sites.length === 1);
    if (membersOnly || hasNeighbour) return this.relay(members, named, name);
    const steps =
      hub === undefined
        ? [...members, ...others, ...back]
        : [...members.slice(0, 1), ...others, ...members.slice(1), ...back];
    return this.relay(steps, named, name);
  }

  private relay(steps: readonly Step[], deliveryGroup: string, name: string): OracleHop {
    const others = steps.map(({ servers, path }) => ({
      servers: servers.filter((server) => server !== this.source.name),
      path,
    }));
    const left = this.carryOut(others, 'hub-transport');
    return { ...left, outcome: left.targets.length > 0 ? 'relay' : 'defer', name, deliveryGroup };
  }

  private toDomain(domain: string): OracleHop {
    const connector = oracleSendConnector(this.view, this.source, domain, this.sizeBytes);
    if (connector === 'none') return unreachable;
    if (connector === 'too-large') return tooLarge(`Unreachable ${domain}`);
    if (connector.sources.some((name) => same(name, this.source.name))) return this.sendHere(connector, domain);
    const members = oracleSources(this.view, connector, this.source);
    const group: Group = { kind: 'connector', name: connector.name, members };
    const hop = this.toGroup(group, `SmtpRelayToConnectorSourceServers ${connector.name}`, false);
    return { ...hop, connector: connector.name };
  }

  private sendHere(connector: SendConnector, domain: string): OracleHop {
    const hosts = connector.smartHosts.join(',');
    const name = hosts === '' ? `DnsConnectorDelivery ${domain}` : `SmartHostConnectorDelivery ${hosts}`;
    const named = { name, connector: connector.name, deliveryGroup: `connector ${lower(connector.name)}` };
    if (!connector.frontEndProxy) return { ...none, ...named, outcome: 'send' };
    const servers = this.view.asked.estate.objects.servers
      .filter((server) => server.roles.includes('frontend') && same(server.site, this.source.site))
      .map((server) => server.name);
    const left = this.carryOut([{ servers, path: this.view.pathTo(this.source.site) }], 'frontend-transport');
    return { ...left, ...named, outcome: left.targets.length > 0 ? 'proxy' : 'defer' };
  }

  /** Leaves out who is down, switched off or was tried before. */
  private carryOut(steps: readonly Step[], part: string): Omit<OracleHop, 'outcome' | 'name'> {
    const { estate, question } = this.view.asked;
    const usable = estate.objects.servers
      .filter((server) => isOn(server, part) && !question.down.some((name) => same(name, server.name)))
      .map((server) => server.name);
    const tried: string[] = [];
    const left: Array<{ servers: string[]; path: SimplePath | undefined }> = [];
    for (const { servers, path } of steps) {
      const names = servers.filter((name) => usable.includes(name) && !tried.includes(name));
      tried.push(...names);
      if (names.length > 0) left.push({ servers: names.map(lower).sort(), path });
    }
    const [first, ...rest] = left;
    const path = first?.path ? `${first.path.sites.join('-')} ${first.path.cost}` : null;
    return { ...none, path, targets: first?.servers ?? [], fallback: rest.map((step) => step.servers) };
  }
}
