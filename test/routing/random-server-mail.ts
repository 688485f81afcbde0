import fc from 'fast-check';
import type { EstateObjects, EstateParts } from './build-estate.js';
import { completeEstate } from './build-estate.js';
import { describeAsked } from './describe-asked.js';
import type { ServerAsked, ServerQuestion } from './oracle/oracle-server-mail.js';
import type { Draw, Scale } from './random-estate.js';
import { drawFrom, makeEstate, messageSizes, numbersOf, scales, spelled } from './random-estate.js';

const kilobyte = 1024;
const spaces = ['*', '*', '*.test', '*.elsewhere.test', 'elsewhere.test', '*.sub.elsewhere.test', 'Partner.test'];
const outside = [
  'ann@elsewhere.test',
  'bob@elsewhere.test',
  'kim@sub.elsewhere.test',
  'kim@deep.sub.elsewhere.test',
  'kim@notelsewhere.test',
  'someone@partner.test',
  'someone@deep.branch.test',
  'else@example.org',
];
const groupNames = ['all', 'team', 'board', 'loop', 'empty'].map((name) => `${name}@contoso.test`);
const contactNames = ['friend', 'twin', 'round'].map((name) => `${name}@contoso.test`);

function makeSendConnectors(draw: Draw, servers: readonly string[]): EstateParts['sendConnectors'] {
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

/** The estate with groups in groups, also in circles, contacts of contacts, and ways out. */
function furnish(draw: Draw, estate: EstateObjects): EstateObjects {
  const { servers } = estate.objects;
  const all = servers.map((server) => server.name);
  const holders = servers.filter((server) => server.roles.includes('mailbox')).map((server) => server.name);
  const own = estate.mailboxes.flatMap(({ address, aliases }) => [address, ...aliases]);
  const anybody = [...own, ...own, ...groupNames, ...contactNames, ...outside, 'nobody@contoso.test'];
  const more = completeEstate({
    sendConnectors: makeSendConnectors(draw, draw.oneIn(5) ? all : holders) ?? [],
    groups: groupNames.map((address) => ({
      address,
      members: address.startsWith('empty') ? [] : Array.from({ length: draw.int(1, 5) }, () => draw.from(anybody)),
      expansionServer: draw.oneIn(3) ? spelled(draw, draw.from(draw.oneIn(6) ? all : holders)) : null,
    })),
    contacts: contactNames.map((address) => ({
      address,
      target: draw.from(draw.oneIn(3) ? contactNames : draw.oneIn(2) ? outside : anybody),
    })),
  });
  const objects = { ...estate.objects, sendConnectors: more.objects.sendConnectors };
  return { ...estate, objects, groups: more.groups, contacts: more.contacts };
}

function makeQuestion(draw: Draw, { objects, mailboxes }: EstateObjects, scale: Scale): ServerQuestion {
  const own = mailboxes.flatMap(({ address, aliases }) => [address, ...aliases]);
  const others = [...outside, ...groupNames, ...contactNames, 'nobody@contoso.test'];
  const count = draw.oneIn(4) ? Math.min(10, scale.recipientMax) : 1;
  const to = Array.from({ length: count }, () => draw.from(own.length === 0 || draw.oneIn(2) ? others : own));
  const holders = objects.servers.filter((server) => server.roles.includes('mailbox'));
  return {
    server: draw.from(holders).name,
    down: !draw.oneIn(3) ? [] : objects.servers.filter(() => draw.oneIn(4)).map((server) => spelled(draw, server.name)),
    to: draw.oneIn(5) ? to.map((address) => address.toUpperCase()) : to,
    sizeBytes: draw.from(messageSizes),
  };
}

function describe({ estate, question }: ServerAsked): string {
  const { sendConnectors } = estate.objects;
  const place = { localAddress: null, port: 25, clientAddress: null, user: null, from: '' };
  return [
    describeAsked({ estate, question: { ...place, ...question, frontEnd: question.server } }),
    ...sendConnectors.map((connector) => JSON.stringify(connector)),
    ...estate.groups.map((group) => JSON.stringify(group)),
    ...estate.contacts.map((contact) => JSON.stringify(contact)),
    ...estate.mailboxes.map(({ address, database }) => `${address} in ${database}`),
  ].join('\n');
}

/** An estate with ways out, and a message at one of its mailbox servers. */
export const askedServers: fc.Arbitrary<ServerAsked> = scales.map((given) => {
  const scale = { ...given, serverMax: Math.max(1, given.serverMax) };
  const draw = drawFrom(numbersOf(scale.seed));
  const estate = furnish(draw, makeEstate(draw, scale));
  const asked = { estate, question: makeQuestion(draw, estate, scale) };
  return Object.assign(asked, { [fc.toStringMethod]: () => `${JSON.stringify(scale)}\n${describe(asked)}` });
});
