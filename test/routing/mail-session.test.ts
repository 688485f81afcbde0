import { describe, expect, test } from 'vitest';
import type { MailQuestion } from '../../src/routing/route-mail.js';
import { routeMail } from '../../src/routing/route-mail.js';
import type { ReceiveConnector } from '../../src/topology/catalogue/catalogue.js';
import { contoso, contosoWith, mailTo } from './contoso.js';

type Given = Partial<MailQuestion>;
type Connector = Partial<ReceiveConnector>;

/** What becomes of a message to ann: `proxy`, `send`, or outcome and code. */
function outcomeOf(connector: Connector, given: Given, organization = {}): string {
  const estate = contosoWith({
    organization: { ...contoso.organization, ...organization },
    receiveConnectors: [{ name: 'Door', ...connector }],
    sendConnectors: [{ name: 'Internet', sources: ['MBX1'] }],
  });
  const { outcome, reply } = routeMail(mailTo(estate, given));
  return reply ? `${outcome} ${reply.code} ${reply.enhanced}` : outcome;
}

/** Who knocks, and at what connector. */
const callers: Readonly<Record<string, { connector: Connector; given: Given }>> = {
  anonymous: { connector: {}, given: {} },
  'anonymous where relay is open': { connector: { anonymousRelay: true }, given: {} },
  user: { connector: { permissionGroups: ['users'] }, given: { user: 'ann', from: 'ann@contoso.com' } },
  'user at a door for strangers': { connector: {}, given: { user: 'ann', from: 'ann@contoso.com' } },
  'own server': { connector: {}, given: { clientAddress: '10.0.1.2' } },
  'own server where servers are not named': {
    connector: { permissionGroups: ['anonymous'] },
    given: { clientAddress: '10.0.1.2' },
  },
  'front end of ours': { connector: {}, given: { clientAddress: '10.0.0.2' } },
  partner: { connector: { permissionGroups: ['partners'] }, given: {} },
  'partner where relay is open': { connector: { permissionGroups: ['partners'], anonymousRelay: true }, given: {} },
  'partner at a door for strangers too': { connector: { permissionGroups: ['partners', 'anonymous'] }, given: {} },
  'external-authoritative': {
    connector: { auth: ['tls', 'external-authoritative'], permissionGroups: ['servers'] },
    given: {},
  },
  'external-authoritative without the group': {
    connector: { auth: ['external-authoritative'], permissionGroups: ['anonymous'] },
    given: {},
  },
  'stranger at a door for users': { connector: { permissionGroups: ['users'] }, given: {} },
  'stranger at a door for servers': { connector: { permissionGroups: ['servers'] }, given: {} },
  'stranger at a door for nobody': { connector: { permissionGroups: [] }, given: {} },
};

const yes = 'proxy';
const leaves = 'send';
const norelay = 'reject 550 5.7.1';
const nologin = 'reject 530 5.7.1';

describe('who may send to whom', () => {
  const matrix: ReadonlyArray<readonly [who: string, own: string, relayed: string, outside: string]> = [
    ['anonymous', yes, yes, norelay],
    ['anonymous where relay is open', yes, yes, yes],
    ['user', yes, yes, yes],
    ['user at a door for strangers', yes, yes, yes],
    ['own server', yes, leaves, leaves],
    ['own server where servers are not named', yes, yes, norelay],
    ['front end of ours', yes, yes, norelay],
    ['partner', yes, yes, norelay],
    ['partner where relay is open', yes, yes, norelay],
    ['partner at a door for strangers too', yes, yes, norelay],
    ['external-authoritative', yes, yes, yes],
    ['external-authoritative without the group', nologin, nologin, nologin],
    ['stranger at a door for users', nologin, nologin, nologin],
    ['stranger at a door for servers', nologin, nologin, nologin],
    ['stranger at a door for nobody', nologin, nologin, nologin],
  ];
  test.each(matrix)('%s: own %s, relayed %s, outside %s', (who, own, relayed, outside) => {
    const { connector, given } = callers[who] ?? { connector: {}, given: {} };
    const outcomes = ['ann@contoso.com', 'x@internal.test', 'x@elsewhere.test'].map((to) =>
      outcomeOf(connector, { ...given, to: [to] }),
    );
    expect(outcomes).toEqual([own, relayed, outside]);
  });

  test('every caller is in the matrix', () => {
    expect(matrix.map(([who]) => who)).toEqual(Object.keys(callers));
  });

  test.each(['all@contoso.com', 'friend@contoso.com', 'nobody@contoso.com'])('a stranger may write to %s', (to) => {
    expect(outcomeOf({}, { to: [to] })).toBe(yes);
  });
});

describe('a site that takes no mail from outside', () => {
  test.each([
    ['anonymous', 'defer 421 4.3.2'],
    ['partner', 'defer 421 4.3.2'],
    ['user', yes],
    ['own server', yes],
    ['external-authoritative', yes],
  ])('%s: %s', (who, expected) => {
    const { connector, given } = callers[who] ?? { connector: {}, given: {} };
    const estate = contosoWith({
      sites: [{ name: 'HQ', acceptInbound: false }, { name: 'Branch' }],
      receiveConnectors: [{ name: 'Door', ...connector }],
    });
    const { outcome, reply } = routeMail(mailTo(estate, given));
    expect(reply ? `${outcome} ${reply.code} ${reply.enhanced}` : outcome).toBe(expected);
  });
});

describe('whose address a sender may use', () => {
  const notOwn = 'reject 550 5.7.1';
  test.each([
    ['ann@contoso.com', 'ann@contoso.com', yes],
    ['ann@contoso.com', 'ANN@contoso.com', yes],
    ['ann@contoso.com', 'ann.smith@contoso.com', yes],
    ['ann.smith@contoso.com', 'ann@contoso.com', yes],
    ['ann@contoso.com', '"ann"@contoso.com', yes],
    ['ann@contoso.com', 'ann', yes],
    ['ann', 'ann@contoso.com', yes],
    ['CONTOSO\\ann', 'ann@contoso.com', yes],
    ['ann@contoso.com', '', yes],
    ['ann@contoso.com', null, yes],
    ['ann', null, yes],
    ['ann@contoso.com', 'bob@contoso.com', notOwn],
    ['ann@contoso.com', 'all@contoso.com', notOwn],
    ['ann@contoso.com', 'friend@contoso.com', notOwn],
    ['ann@contoso.com', 'nobody@contoso.com', notOwn],
    ['ann@contoso.com', 'ann@elsewhere.test', notOwn],
    ['ann@contoso.com', 'ann+tag@contoso.com', notOwn],
    ['svc@contoso.com', 'svc@contoso.com', yes],
    ['svc', 'svc@contoso.com', yes],
    ['CONTOSO\\svc', 'SVC@contoso.com', yes],
    ['svc', 'svc', yes],
    ['svc@contoso.com', 'ann@contoso.com', notOwn],
    ['svc', 'other@contoso.com', notOwn],
    ['svc', '', yes],
    ['', 'ann@contoso.com', notOwn],
    ['all@contoso.com', 'all@contoso.com', yes],
    ['all@contoso.com', 'ann@contoso.com', notOwn],
    ['ann@contoso.com', 'ann@', 'reject 501 5.1.7'],
    [null, 'ann@contoso.com', yes],
    [null, 'ann', yes],
    [null, '', yes],
    [null, 'a b@elsewhere.test', 'reject 501 5.1.7'],
    [null, 'a@b@elsewhere.test', 'reject 501 5.1.7'],
    [null, '@elsewhere.test', 'reject 501 5.1.7'],
    [null, `${'x'.repeat(600)}@elsewhere.test`, 'reject 501 5.1.7'],
    [null, 'a@elsewhere.test\r\nRCPT TO:<x@y>', 'reject 501 5.1.7'],
  ])('user %s as %s: %s', (user, from, expected) => {
    expect(outcomeOf({}, { user, from })).toBe(expected);
  });
});

describe('how large a message may be', () => {
  const large = 'reject 552 5.3.4';
  const kilobyte = 1024;
  test.each([
    ['anonymous', 100, 200, 100, yes],
    ['anonymous', 100, 200, 101, large],
    ['anonymous', 200, 100, 100, yes],
    ['anonymous', 200, 100, 101, large],
    ['anonymous', 100, 200, 0, yes],
    ['anonymous', 100, 200, null, yes],
    ['user', 100, 200, 101, large],
    ['user', 200, 100, 101, large],
    ['partner', 100, 200, 101, large],
    ['own server', 100, 200, 101, yes],
    ['own server', 200, 100, 201, yes],
    ['external-authoritative', 100, 200, 201, yes],
  ])('%s, connector %s KB, organization %s KB, message %s KB: %s', (who, door, all, size, expected) => {
    const { connector, given } = callers[who] ?? { connector: {}, given: {} };
    const sizeBytes = size === null ? null : size * kilobyte;
    const answer = outcomeOf(
      { ...connector, maxMessageSize: door * kilobyte },
      { ...given, sizeBytes },
      { maxMessageSize: all * kilobyte },
    );
    expect(answer).toBe(expected);
  });

  test('one byte more is too much', () => {
    expect(outcomeOf({ maxMessageSize: kilobyte }, { sizeBytes: kilobyte + 1 })).toBe(large);
  });
});
