import fc from 'fast-check';
import type { EstateObjects } from './build-estate.js';
import { completeEstate } from './build-estate.js';
import { describeAsked } from './describe-asked.js';
import { type Draw, drawFrom, numbersOf, spelled } from './draw.js';
import type { ServerAsked, ServerQuestion } from './oracle/oracle-server-mail.js';
import type { Scale } from './random-estate.js';
import { makeEstate, messageSizes, scales } from './random-estate.js';
import { makeSendConnectors, outsideAddresses } from './random-send-connectors.js';

const groupNames = ['all', 'team', 'board', 'loop', 'empty'].map((name) => `${name}@contoso.test`);
const contactNames = ['friend', 'twin', 'round'].map((name) => `${name}@contoso.test`);

/** The estate with groups in groups, also in circles, contacts of contacts, and ways out. */
function furnish(draw: Draw, estate: EstateObjects): EstateObjects {
  const { servers } = estate.objects;
  const all = servers.map((server) => server.name);
  const holders = servers.filter((server) => server.roles.includes('mailbox')).map((server) => server.name);
  const own = estate.mailboxes.flatMap(({ address, aliases }) => [address, ...aliases]);
  const anybody = [...own, ...own, ...groupNames, ...contactNames, ...outsideAddresses, 'nobody@contoso.test'];
  const more = completeEstate({
    sendConnectors: makeSendConnectors(draw, draw.oneIn(5) ? all : holders),
    groups: groupNames.map((address) => ({
      address,
      members: address.startsWith('empty') ? [] : Array.from({ length: draw.int(1, 5) }, () => draw.from(anybody)),
      expansionServer: draw.oneIn(3) ? spelled(draw, draw.from(draw.oneIn(6) ? all : holders)) : null,
    })),
    contacts: contactNames.map((address) => ({
      address,
      target: draw.from(draw.oneIn(3) ? contactNames : draw.oneIn(2) ? outsideAddresses : anybody),
    })),
  });
  const objects = { ...estate.objects, sendConnectors: more.objects.sendConnectors };
  return { ...estate, objects, groups: more.groups, contacts: more.contacts };
}

function makeQuestion(draw: Draw, { objects, mailboxes }: EstateObjects, scale: Scale): ServerQuestion {
  const own = mailboxes.flatMap(({ address, aliases }) => [address, ...aliases]);
  const others = [...outsideAddresses, ...groupNames, ...contactNames, 'nobody@contoso.test'];
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
  const place = { localAddress: null, port: 25, clientAddress: null, user: null, from: '' };
  return [
    describeAsked({ estate, question: { ...place, ...question, frontEnd: question.server } }),
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
