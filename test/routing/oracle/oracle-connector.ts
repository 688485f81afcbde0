import type { ReceiveConnector } from '../../../src/topology/catalogue/catalogue.js';
import type { Asked } from './oracle-question.js';
import { lower, orderOf } from './simple-paths.js';

/** An address as eight groups of sixteen bits; IPv4 stands in the last two. Takes `a.b.c.d` and IPv6 with at most one `::`. */
function numberOf(text: string): bigint {
  if (!text.includes(':')) return text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  const [head = '', tail = ''] = text.split('::');
  const groups = (part: string) => part.split(':').filter((group) => group !== '');
  const zeros = text.includes('::') ? Array<string>(8 - groups(head).length - groups(tail).length).fill('0') : [];
  return [...groups(head), ...zeros, ...groups(tail)].reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}

const isV6 = (text: string): boolean => text.includes(':');

/** How many addresses a range has, if it holds the client (null: whoever it is). */
function sizeIfHeld(range: string, client: string | null): bigint | undefined {
  if (client !== null && isV6(range) !== isV6(client)) return undefined;
  const [from = '', to] = range.split('-');
  const [base = '', prefix] = from.split('/');
  const bits = isV6(range) ? 128 : 32;
  const size = prefix === undefined ? numberOf(to ?? base) - numberOf(base) + 1n : 1n << BigInt(bits - Number(prefix));
  const first = prefix === undefined ? numberOf(base) : (numberOf(base) / size) * size;
  if (client === null) return size;
  const offset = numberOf(client) - first;
  return offset >= 0n && offset < size ? size : undefined;
}

/** 2 where the connector is bound to the very address, 1 where to all of its family, 0 where not at all. */
function bindingRank(connector: ReceiveConnector, local: string | null, port: number): 0 | 1 | 2 {
  const hosts = connector.bindings
    .map((binding) => /^\[?([^\]]+?)\]?:(\d+)$/.exec(binding))
    .filter((parts) => Number(parts?.[2]) === port)
    .map((parts) => parts?.[1] ?? '');
  if (local === null) return hosts.length > 0 ? 1 : 0;
  if (hosts.some((host) => host === local)) return 2;
  return hosts.includes(isV6(local) ? '::' : '0.0.0.0') ? 1 : 0;
}

/** The connector of a connection: switched on, bound there, the smallest range around the client. */
export function oracleConnector({ estate, question }: Asked): ReceiveConnector | undefined {
  const { clientAddress: client, localAddress, port, frontEnd } = question;
  const fitting = estate.objects.receiveConnectors.flatMap((connector) => {
    if (!connector.enabled || (connector.server !== null && lower(connector.server) !== lower(frontEnd))) return [];
    const rank = bindingRank(connector, localAddress, port);
    const sizes = connector.remoteRanges
      .map((range) => sizeIfHeld(range, client))
      .filter((size) => size !== undefined)
      .sort((a, b) => (a < b ? -1 : 1));
    const size = client === null ? sizes.at(-1) : sizes[0];
    return rank === 0 || size === undefined ? [] : [{ connector, rank, size }];
  });
  const smaller = client === null ? 1 : -1;
  return fitting.sort(
    (a, b) =>
      b.rank - a.rank ||
      (a.size === b.size ? 0 : a.size < b.size ? smaller : -smaller) ||
      orderOf(a.connector.name, b.connector.name),
  )[0]?.connector;
}
