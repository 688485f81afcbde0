import type { SendConnector, Server } from '../../../src/topology/catalogue/catalogue.js';
import type { OracleView } from './oracle-servers.js';
import { same } from './oracle-servers.js';
import { lower, orderOf } from './simple-paths.js';

/** The address spaces that take a domain, the narrowest first: the name itself, then `*.` before ever less of it. */
function spacesFor(domain: string): string[] {
  const labels = domain.split('.');
  return [domain, ...labels.map((_, index) => `*.${labels.slice(index).join('.')}`), '*'];
}

/** The servers that can send through a connector what the source has. */
export function oracleSources(view: OracleView, connector: SendConnector, source: Server): Server[] {
  return view.mailboxServers.filter(
    (server) =>
      connector.sources.some((name) => same(name, server.name)) &&
      (server.name === source.name || server.accepts === 'any'),
  );
}

function inScope(view: OracleView, connector: SendConnector, source: Server): boolean {
  const { servers } = view.asked.estate.objects;
  return servers.some(
    (server) => same(server.site, source.site) && connector.sources.some((name) => same(name, server.name)),
  );
}

/** Place in the order of choice, the least first: width of the space, cost, hops. Undefined: cannot be used. */
function placeOf(
  view: OracleView,
  connector: SendConnector,
  source: Server,
  domain: string,
): readonly number[] | undefined {
  const fits = connector.addressSpaces.map((text) => {
    const [pattern = '', cost = '1'] = text.split(';');
    return { width: spacesFor(domain).indexOf(lower(pattern)), cost: Number(cost) };
  });
  const width = Math.min(...fits.filter((space) => space.width >= 0).map((space) => space.width));
  const costs = fits.filter((space) => space.width === width).map(({ cost }) => cost);
  const ways = oracleSources(view, connector, source).flatMap((server) => {
    const path = view.pathTo(server.site);
    return path ? [[path.cost, server.name === source.name ? 0 : path.sites.length]] : [];
  });
  const [way] = ways.sort(compareLists);
  if (!way || costs.length === 0 || !connector.enabled) return undefined;
  if (connector.scoped && !inScope(view, connector, source)) return undefined;
  return [width, (way[0] ?? 0) + Math.min(...costs), way[1] ?? 0];
}

function compareLists(a: readonly number[], b: readonly number[]): number {
  return a.map((value, index) => value - (b[index] ?? 0)).find((order) => order !== 0) ?? 0;
}

/** The one connector for a domain at a server, or why there is none. */
export function oracleSendConnector(
  view: OracleView,
  source: Server,
  domain: string,
  sizeBytes: number | null,
): SendConnector | 'none' | 'too-large' {
  const usable = view.asked.estate.objects.sendConnectors.flatMap((connector) => {
    const place = placeOf(view, connector, source, domain);
    return place ? [{ connector, place }] : [];
  });
  const wide = usable
    .filter(({ connector }) => (sizeBytes ?? 0) <= connector.maxMessageSize)
    .sort((a, b) => compareLists(a.place, b.place) || orderOf(a.connector.name, b.connector.name));
  return wide[0]?.connector ?? (usable.length > 0 ? 'too-large' : 'none');
}
