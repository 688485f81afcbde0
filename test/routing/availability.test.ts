import { describe, expect, test } from 'vitest';
import { allUp, componentState, downServers, whyNot } from '../../src/routing/availability.js';
import { routeClient } from '../../src/routing/route-client.js';
import { routeMail } from '../../src/routing/route-mail.js';
import type { Server } from '../../src/topology/catalogue/catalogue.js';
import { componentStates, requesters } from '../../src/topology/components.js';
import { askFor, contoso, contosoWith, mailTo } from './contoso.js';

type States = Server['components'];

const parse = (text: string): States =>
  text
    .split(', ')
    .filter((part) => part !== '')
    .map((part) => {
      const [component, state, requester] = part.split(' ');
      return { component, state, requester: requester ?? 'maintenance' } as States[number];
    });

function estateWith(server: string, states: string) {
  return contosoWith({
    servers: contoso.servers.map((entry) => (entry.name === server ? { ...entry, components: parse(states) } : entry)),
  });
}

function mailboxServer(states: string): Server {
  const server = estateWith('MBX1', states).topology.server('MBX1');
  if (!server) throw new Error('the estate has no MBX1');
  return server;
}

describe('the state of a component', () => {
  test.each([
    ['', 'active'],
    ['imap active', 'active'],
    ['imap inactive', 'inactive'],
    ['imap draining', 'draining'],
    ['imap inactive maintenance, imap active functional', 'inactive'],
    ['imap active maintenance, imap inactive functional', 'inactive'],
    ['imap draining maintenance, imap inactive health', 'inactive'],
    ['imap draining maintenance, imap active health', 'draining'],
    ['pop inactive', 'active'],
    ['server-wide inactive', 'inactive'],
    ['server-wide draining', 'draining'],
    ['server-wide active, imap inactive', 'inactive'],
    ['server-wide inactive, imap active', 'inactive'],
    ['server-wide draining, imap inactive', 'inactive'],
  ])('imap with "%s" is %s', (states, state) => {
    expect(componentState(mailboxServer(states), 'imap')).toBe(state);
  });

  test.each(requesters.flatMap((requester) => componentStates.map((state) => [requester, state] as const)))(
    'every requester has a say: %s says %s',
    (requester, state) => {
      expect(componentState(mailboxServer(`imap ${state} ${requester}`), 'imap')).toBe(state);
    },
  );

  test.each([
    ['', 'up', undefined],
    ['', 'MBX1 mbx2', 'down'],
    ['', 'mbx1', 'down'],
    ['', 'MBX2', undefined],
    ['hub-transport draining', 'up', 'hub-transport draining'],
    ['submission inactive', 'up', 'submission inactive'],
    ['imap inactive', 'up', undefined],
    ['server-wide inactive', 'mbx1', 'down'],
  ])('with "%s" and %s, mail is kept from it because: %s', (states, down, reason) => {
    const availability = down === 'up' ? allUp : downServers(down.split(' '));
    expect(whyNot(mailboxServer(states), ['hub-transport', 'submission'], availability)).toBe(reason);
  });
});

describe("a stranger's mail to ann", () => {
  test.each([
    ['CAS1', '', 'proxy MBX1 MBX2'],
    ['MBX1', 'hub-transport draining', 'proxy MBX2'],
    ['MBX1', 'hub-transport inactive sidelined', 'proxy MBX2'],
    ['MBX1', 'server-wide inactive', 'proxy MBX2'],
    ['MBX1', 'submission inactive', 'proxy MBX1 MBX2'],
    ['CAS1', 'frontend-transport draining', 'defer 421'],
    ['CAS1', 'frontend-transport inactive deployment', 'defer 421'],
    ['CAS1', 'server-wide draining', 'defer 421'],
    ['CAS1', 'imap-proxy inactive', 'proxy MBX1 MBX2'],
  ])('%s with "%s": %s', (server, states, expected) => {
    const { outcome, reply, targets } = routeMail(mailTo(estateWith(server, states)));
    expect(
      [outcome, reply?.code, ...targets.map((target) => target.server)].filter((part) => part !== undefined).join(' '),
    ).toBe(expected);
  });
});

describe('a message of ann, who logged on', () => {
  test.each([
    ['', 'proxy'],
    ['submission draining', 'defer'],
    ['hub-transport inactive', 'defer'],
    ['imap inactive', 'proxy'],
  ])('MBX1 with "%s": %s', (states, expected) => {
    expect(routeMail(mailTo(estateWith('MBX1', states), { user: 'ann', from: 'ann' })).outcome).toBe(expected);
  });
});

describe("ann's client", () => {
  test.each([
    ['imap', 'CAS1', '', 'proxy MBX1'],
    ['imap', 'CAS1', 'imap-proxy draining', 'unavailable NO UNAVAILABLE'],
    ['pop', 'CAS1', 'pop-proxy inactive', 'unavailable -ERR SYS/TEMP'],
    ['pop', 'CAS1', 'imap-proxy inactive', 'proxy MBX1'],
    ['owa', 'CAS1', 'server-wide inactive', 'unavailable 503'],
    ['imap', 'MBX1', 'imap inactive', 'unavailable NO UNAVAILABLE'],
    ['imap', 'MBX1', 'imap draining health', 'unavailable NO UNAVAILABLE'],
    ['imap', 'MBX1', 'pop inactive', 'proxy MBX1'],
    ['ews', 'MBX1', 'server-wide draining', 'unavailable 503'],
    ['ews', 'MBX1', 'hub-transport inactive', 'proxy MBX1'],
  ] as const)('%s, %s with "%s": %s', (protocol, server, states, expected) => {
    const url = protocol === 'imap' || protocol === 'pop' ? null : `/${protocol}/`;
    const { outcome, reply, targets } = routeClient(askFor(estateWith(server, states), { protocol, user: 'ann', url }));
    expect(
      [outcome, reply?.code, reply?.enhanced, ...targets.map((target) => target.server)].filter(Boolean).join(' '),
    ).toBe(expected);
  });
});
