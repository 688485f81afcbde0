import { reasonOf, systemCodeOf } from '../../errors.js';
import type { DnsResolver } from '../../net/dns-resolver.js';
import { step } from '../../routing/decision.js';
import type { NameAddresses } from '../../routing/mail-exchangers.js';
import type { SendConnector } from '../../topology/catalogue/catalogue.js';
import { parseSmartHost } from '../../topology/formats.js';
import { domainKey } from '../../topology/mail-address.js';
import { canonicalAddress, isAddress } from '../../topology/ranges.js';
import { addressesPerNameMax, findAddresses } from './find-addresses.js';
import type { OwnDoors } from './find-own-doors.js';
import { findReplies } from './find-replies.js';
import type { SystemAddresses } from './find-system-addresses.js';
import type { FoundHosts, OutboundHost } from './outbound-host.js';

export interface SmartHostParts {
  /** Null: the system's lookup. */
  readonly resolver: DnsResolver | null;
  readonly systemAddresses: SystemAddresses;
  readonly ownDoors: OwnDoors;
  readonly rotate: <T>(key: string, items: readonly T[]) => readonly T[];
  readonly isFailing: (host: OutboundHost) => boolean;
}

interface SmartHost {
  /** Without brackets, in lower case. */
  readonly name: string;
  readonly port: number;
  readonly isAddress: boolean;
}

/** Names that are looked up at a time, and addresses that are enough as long as they are not failing. */
const lookupsMax = 10;
const enoughHosts = 20;

const readHosts = new WeakMap<SendConnector, readonly SmartHost[]>();

/** The smart hosts of a connector, read once. */
function smartHostsOf(connector: SendConnector): readonly SmartHost[] {
  const known = readHosts.get(connector);
  if (known) return known;
  const hosts = connector.smartHosts.flatMap((text) => {
    const parsed = parseSmartHost(text);
    if (parsed === undefined) return [];
    const { host, port = connector.port } = parsed;
    return isAddress(host)
      ? [{ name: canonicalAddress(host), port, isAddress: true }]
      : [{ name: domainKey(host) ?? host, port, isAddress: false }];
  });
  readHosts.set(connector, hosts);
  return hosts;
}

/** What the smart hosts that were looked at so far come to. */
class Harvest {
  readonly hosts: OutboundHost[] = [];
  readonly words: string[] = [];
  readonly leftOut: string[] = [];
  anyFailed = false;

  take({ name, port }: SmartHost, found: NameAddresses, ownDoors: OwnDoors): void {
    if (found.kind === 'failed') this.anyFailed = true;
    if (found.kind !== 'addresses') {
      this.leftOut.push(
        `${name}:${port} ${found.kind === 'failed' ? `could not be looked up: ${found.reason}` : 'has no address'}`,
      );
      return;
    }
    const all = [...new Set(found.addresses.map(canonicalAddress))].slice(0, addressesPerNameMax);
    const own = ownDoors.isDoorName(name, port) ? all : all.filter((address) => ownDoors.isDoor(address, port));
    const addresses = all.filter((address) => !own.includes(address));
    if (own.length > 0) this.leftOut.push(`${own.join(', ')} port ${port} is a door of ours`);
    if (addresses.length === 0) return;
    this.hosts.push(...addresses.map((address) => ({ name, address, port })));
    this.words.push(addresses[0] === name ? `[${name}]:${port}` : `${name}:${port} (${addresses.join(', ')})`);
  }
}

/** The addresses of a connector's smart hosts, which take turns at being the first. */
export async function findSmartHosts(connector: SendConnector, parts: SmartHostParts): Promise<FoundHosts> {
  const turned = parts.rotate(`smart-hosts ${connector.name}`, smartHostsOf(connector));
  const harvest = new Harvest();
  for (let at = 0; at < turned.length; at += lookupsMax) {
    const wave = turned.slice(at, at + lookupsMax);
    const found = wave.every((host) => host.isAddress)
      ? wave.map(literalAddresses)
      : await Promise.all(wave.map((host) => addressesOf(host, parts)));
    for (const [index, host] of wave.entries()) harvest.take(host, found[index] ?? { kind: 'absent' }, parts.ownDoors);
    if (harvest.hosts.filter((host) => !parts.isFailing(host)).length >= enoughHosts) break;
  }
  const { hosts, words, leftOut, anyFailed } = harvest;
  const left = leftOut.length === 0 ? '' : `; left out: ${leftOut.slice(0, enoughHosts).join(', ')}`;
  const trace = [step('outbound/smart-hosts', `${connector.name} -> ${words.join(', ') || 'nobody'}${left}`)];
  if (hosts.length > 0) return { kind: 'hosts', hosts, trace };
  // Not permanent even so: it is the administrator's mistake, and mail must wait until it is mended.
  return { kind: 'none', reply: anyFailed ? findReplies.smartHostsFailed : findReplies.smartHostsWrong, trace };
}

const literalAddresses = ({ name }: SmartHost): NameAddresses => ({ kind: 'addresses', addresses: [name] });

async function addressesOf(host: SmartHost, { resolver, systemAddresses }: SmartHostParts): Promise<NameAddresses> {
  if (host.isAddress) return literalAddresses(host);
  if (resolver !== null) return findAddresses(resolver, host.name);
  try {
    const addresses = await systemAddresses(host.name);
    return addresses.length > 0 ? { kind: 'addresses', addresses } : { kind: 'absent' };
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === 'ENOTFOUND' || code === 'ENODATA') return { kind: 'absent' };
    return { kind: 'failed', reason: reasonOf(error) };
  }
}
