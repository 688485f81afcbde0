import type { ReceiveConnector, SendConnector, Server } from '../../../src/topology/catalogue/catalogue.js';
import { type OracleHop, OracleHopFinder } from './oracle-hop.js';
import type { Asked, Standing } from './oracle-question.js';
import { oracleSendConnector } from './oracle-send-connector.js';
import { OracleView, same } from './oracle-servers.js';
import { lower, orderOf } from './simple-paths.js';

export type OracleLeft = Omit<OracleHop, 'name'>;

const domainOf = (address: string): string => lower(address).split('@')[1] ?? '';

/** Mail that one of our own gives to a front end for somewhere outside. The front end answers in the giver's place. */
export class OracleHandOver {
  readonly view: OracleView;
  readonly giver: Server;
  readonly frontEnd: Server;
  readonly sizeBytes: number | null;

  constructor(asked: Asked, giver: Server, frontEnd: Server) {
    this.view = new OracleView({ ...asked, question: { ...asked.question, frontEnd: giver.name } });
    this.giver = giver;
    this.frontEnd = frontEnd;
    this.sizeBytes = asked.question.sizeBytes;
  }

  /** What a recipient's mail shares with others that can go in the same transaction; or no, there is no way. */
  wayFor(address: string): { readonly way: string; readonly code: 250 | 550 | 552 } {
    const connector = this.connectorFor(address);
    if (connector === 'none') return { way: 'none', code: 550 };
    if (connector === 'too-large') return { way: 'none', code: 552 };
    if (!this.sendsFor(connector)) return { way: `to the sources of ${connector.name}`, code: 250 };
    const hosts = connector.smartHosts.length > 0 ? 'its smart hosts' : domainOf(address);
    return { way: `by ${connector.name} to ${hosts}`, code: 250 };
  }

  carry(address: string): OracleLeft {
    const connector = this.connectorFor(address);
    if (typeof connector === 'string') throw new Error(`${address} was accepted and has no way out`);
    const named = { connector: connector.name, code: null };
    if (this.sendsFor(connector)) {
      const deliveryGroup = `connector ${lower(connector.name)}`;
      return { ...named, outcome: 'send', deliveryGroup, path: null, targets: [], fallback: [] };
    }
    const finder = new OracleHopFinder(this.view, this.giver, this.sizeBytes);
    const { deliveryGroup, path, targets, fallback, outcome, code } = finder.hopTo({ domain: domainOf(address) });
    const left = { ...named, deliveryGroup, path, targets, fallback };
    if (outcome === 'relay') return { ...left, outcome: 'proxy' };
    return outcome === 'defer' ? { ...left, outcome, code: 451 } : { ...left, outcome, code };
  }

  private connectorFor(address: string): SendConnector | 'none' | 'too-large' {
    return oracleSendConnector(this.view, this.giver, domainOf(address), this.sizeBytes);
  }

  /** A source has given it, or stands next to this front end and is more than a front end. */
  private sendsFor(connector: SendConnector): boolean {
    const isSource = (server: Server): boolean => connector.sources.some((name) => same(name, server.name));
    const near = this.view.mailboxServers.filter((server) => same(server.site, this.frontEnd.site));
    return isSource(this.giver) || near.some(isSource);
  }
}

/** Who hands mail over that may leave here; null: this session's mail goes to servers of our own only. */
export function oracleHandOver(asked: Asked, connector: ReceiveConnector, standing: Standing): OracleHandOver | null {
  const { estate, question } = asked;
  const frontEnd = estate.objects.servers.find((server) => same(server.name, question.frontEnd));
  if (standing !== 'server' || !frontEnd) return null;
  const [giver] = estate.objects.servers
    .filter((server) => server.roles.includes('mailbox') && server.host === question.clientAddress)
    .sort(
      (a, b) => Number(same(b.site, frontEnd.site)) - Number(same(a.site, frontEnd.site)) || orderOf(a.name, b.name),
    );
  if (giver) return new OracleHandOver(asked, giver, frontEnd);
  const door = `:${frontEnd.endpoints.outboundProxy.port}`;
  const isDoor = connector.bindings.every((binding) => binding.endsWith(door));
  return isDoor ? new OracleHandOver(asked, frontEnd, frontEnd) : null;
}
