import type { EstateParts } from './build-estate.js';
import { type Draw, spelled } from './draw.js';

const kilobyte = 1024;
const spaces = ['*', '*', '*.test', '*.elsewhere.test', 'elsewhere.test', '*.sub.elsewhere.test', 'Partner.test'];

/** Addresses that no connector takes, that one takes, and that several do. */
export const outsideAddresses = [
  'ann@elsewhere.test',
  'bob@elsewhere.test',
  'kim@sub.elsewhere.test',
  'kim@deep.sub.elsewhere.test',
  'kim@notelsewhere.test',
  'someone@partner.test',
  'someone@deep.branch.test',
  'else@example.org',
];

/** Ways out of an estate that overlap: scoped ones, some that are switched off or narrow, some with sources elsewhere. */
export function makeSendConnectors(draw: Draw, servers: readonly string[]): NonNullable<EstateParts['sendConnectors']> {
  if (servers.length === 0) return [];
  return Array.from({ length: draw.int(0, 5) }, (_, index) => ({
    name: `${draw.from(['Out', 'out', 'In'])}${index}`,
    enabled: !draw.oneIn(6),
    addressSpaces: Array.from({ length: draw.int(1, 2) }, () => {
      const space = draw.from(spaces);
      return draw.oneIn(3) ? space : `${space};${draw.int(1, 3)}`;
    }),
    sources: draw.some(servers, 1, draw.oneIn(2) ? 3 : 1).map((name) => spelled(draw, name)),
    scoped: draw.oneIn(4),
    frontEndProxy: draw.oneIn(3),
    maxMessageSize: draw.oneIn(4) ? 64 * kilobyte : 36_864 * kilobyte,
    smartHosts: draw.oneIn(3) ? draw.some(['[10.20.30.40]', 'filter.contoso.test'], 1, 2) : [],
  }));
}
