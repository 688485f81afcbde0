import { describe, expect, test } from 'vitest';
import type { Decision } from '../../src/routing/decision.js';
import { routeMail } from '../../src/routing/route-mail.js';
import { contoso, contosoWith, mailTo } from './contoso.js';

const serversOf = ({ targets }: Decision): string => targets.map((target) => target.server).join(' ');

/** The answers to every RCPT: 250, or the code; an asterisk where it counts for the choice. */
const answersOf = ({ recipients }: Decision): string =>
  recipients.map(({ reply, considered }) => `${reply?.code ?? 250}${considered ? '*' : ''}`).join(' ');

const repeat = (address: string, count: number): string[] => Array.from({ length: count }, () => address);

/** From CAS1 in HQ, kim's Branch is farther than ann's own site. */
describe('the first twenty recipients choose the server', () => {
  const near = 'MBX1 MBX2';
  const far = 'MBX3';
  const cases: ReadonlyArray<readonly [what: string, to: readonly string[], servers: string]> = [
    ['kim alone', ['kim@contoso.com'], far],
    ['kim and ann', ['kim@contoso.com', 'ann@contoso.com'], near],
    ['19 for kim, then ann', [...repeat('kim@contoso.com', 19), 'ann@contoso.com'], near],
    ['20 for kim, then ann', [...repeat('kim@contoso.com', 20), 'ann@contoso.com'], far],
    ['19 for a list, then kim', [...repeat('all@contoso.com', 19), 'kim@contoso.com'], far],
    ['20 for a list, then kim', [...repeat('all@contoso.com', 20), 'kim@contoso.com'], near],
    [
      'refused ones do not count: 19 and 5 refused, then ann',
      [...repeat('kim@contoso.com', 19), ...repeat('x@elsewhere.test', 5), 'ann@contoso.com'],
      near,
    ],
    [
      'refused ones do not count: 20 and 5 refused, then ann',
      [...repeat('kim@contoso.com', 20), ...repeat('x@elsewhere.test', 5), 'ann@contoso.com'],
      far,
    ],
    ['a list and a contact', ['all@contoso.com', 'friend@contoso.com'], near],
    ['a list and kim', ['all@contoso.com', 'kim@contoso.com'], far],
    ['an unknown one', ['nobody@contoso.com'], near],
    ['a relayed one', ['x@external.test'], near],
  ];
  test.each(cases)('%s', (_what, to, servers) => {
    expect(serversOf(routeMail(mailTo(contosoWith({}), { to })))).toBe(servers);
  });

  test('recipient 21 is accepted, and does not count', () => {
    const decision = routeMail(mailTo(contosoWith({}), { to: [...repeat('kim@contoso.com', 20), 'ann@contoso.com'] }));
    expect(answersOf(decision)).toBe([...repeat('250*', 20), '250'].join(' '));
  });

  test.each([
    [['kim@contoso.com'], 'one-mailbox-recipient'],
    [['all@contoso.com', 'kim@contoso.com'], 'one-mailbox-recipient'],
    [['kim@contoso.com', 'kim@contoso.com'], 'several-mailbox-recipients'],
    [['all@contoso.com'], 'no-mailbox-recipient'],
  ])('%j: %s', (to, reason) => {
    expect(routeMail(mailTo(contosoWith({}), { to })).reason).toBe(reason);
  });
});

describe('how many recipients a message may have', () => {
  test.each([
    ["the connector's limit", 2, 500, {}, '250* 250* 452'],
    ["the organization's, if smaller", 200, 2, {}, '250* 250* 452'],
    [
      'refused ones do not count',
      2,
      500,
      { to: ['x@elsewhere.test', 'ann@contoso.com', 'bob@contoso.com'] },
      '550 250* 250*',
    ],
    ["a server of ours has the organization's alone", 1, 2, { clientAddress: '10.0.1.1' }, '250* 250* 452'],
    ['a user has the smaller one', 1, 2, { user: 'ann', from: 'ann' }, '250* 452 452'],
  ])('%s', (_what, connectorMax, organizationMax, given, answers) => {
    const estate = contosoWith({
      organization: { ...contoso.organization, maxRecipients: organizationMax },
      receiveConnectors: [{ name: 'Door', maxRecipients: connectorMax }],
    });
    const to = ['ann@contoso.com', 'bob@contoso.com', 'kim@contoso.com'];
    expect(answersOf(routeMail(mailTo(estate, { to, ...given })))).toBe(answers);
  });
});

test('a contact in a domain that is not ours is no way to relay', () => {
  const estate = contosoWith({ contacts: [{ address: 'pal@elsewhere.test', target: 'pal@elsewhere.test' }] });
  const stranger = routeMail(mailTo(estate, { to: ['pal@elsewhere.test'] }));
  expect(stranger.recipients).toMatchObject([
    { class: 'contact', verdict: 'reject', reply: { code: 550, enhanced: '5.7.1' } },
  ]);
  const user = routeMail(mailTo(estate, { to: ['pal@elsewhere.test'], user: 'ann', from: 'ann' }));
  expect(user.recipients).toMatchObject([{ class: 'contact', verdict: 'accept' }]);
});

describe('a local part that names another place', () => {
  const to = [
    'user%elsewhere.test@contoso.com',
    'elsewhere.test!user@contoso.com',
    '"user@elsewhere.test"@contoso.com',
  ];
  test.each(to)('%s', (address) => {
    const stranger = routeMail(mailTo(contosoWith({}), { to: [address] }));
    expect(stranger.recipients).toMatchObject([
      { class: 'unknown', verdict: 'reject', reply: { code: 550, enhanced: '5.7.1' } },
    ]);
    const user = routeMail(mailTo(contosoWith({}), { to: [address], user: 'ann', from: 'ann' }));
    expect(user.recipients).toMatchObject([{ verdict: 'accept' }]);
    const known = contosoWith({ contacts: [{ address, target: 'pal@elsewhere.test' }] });
    expect(routeMail(mailTo(known, { to: [address] })).recipients).toMatchObject([{ verdict: 'accept' }]);
  });
});

describe('a server that accepts only its own mailboxes', () => {
  const owning = (names: readonly string[]) =>
    contosoWith({
      servers: contoso.servers.map((server) => ({ ...server, accepts: names.includes(server.name) ? 'own' : 'any' })),
    });
  const cases: ReadonlyArray<readonly [own: string, to: string, answers: string, servers: string]> = [
    ['MBX1', 'ann', '250*', 'MBX1'],
    ['MBX1', 'ann ann.smith', '250* 250*', 'MBX1'],
    ['MBX1', 'ann bob', '250* 452', 'MBX1'],
    ['MBX1', 'bob ann', '250* 452', 'MBX2'],
    ['MBX1', 'bob kim', '250* 250*', 'MBX2'],
    ['MBX1', 'ann all', '250* 452', 'MBX1'],
    ['MBX1', 'all ann', '250* 452', 'MBX2'],
    ['MBX1', 'ann nobody ann', '250* 452 250*', 'MBX1'],
    ['MBX1 MBX2', 'ann bob', '250* 452', 'MBX1'],
    ['MBX1 MBX2', 'all', '250*', 'MBX3'],
    ['MBX1 MBX2 MBX3', 'kim', '250*', 'MBX3'],
  ];
  test.each(cases)('own %s; to %s: %s, by %s', (own, names, answers, servers) => {
    const to = names.split(' ').map((name) => `${name}@contoso.com`);
    const decision = routeMail(mailTo(owning(own.split(' ')), { to }));
    expect([answersOf(decision), serversOf(decision)]).toEqual([answers, servers]);
  });

  test('the one who is to come again is told so', () => {
    const { recipients } = routeMail(mailTo(owning(['MBX1']), { to: ['ann@contoso.com', 'bob@contoso.com'] }));
    const reply = { code: 452, enhanced: '4.5.3', text: 'Send to this recipient in another transaction' };
    expect(recipients[1]).toMatchObject({ verdict: 'defer', considered: false, reply });
  });

  test('a refused first recipient fixes nothing', () => {
    const decision = routeMail(
      mailTo(owning(['MBX1']), { to: ['x@elsewhere.test', 'bob@contoso.com', 'ann@contoso.com'] }),
    );
    expect([answersOf(decision), serversOf(decision)]).toEqual(['550 250* 452', 'MBX2']);
  });

  test("a user's message goes by the user's own server, whoever it is for", () => {
    const decision = routeMail(
      mailTo(owning(['MBX1']), { user: 'bob', from: 'bob', to: ['ann@contoso.com', 'kim@contoso.com'] }),
    );
    expect([answersOf(decision), serversOf(decision)]).toEqual(['250* 250*', 'MBX2']);
  });
});

describe('when nothing is left to send', () => {
  test.each([
    [['x@elsewhere.test'], 'reject', 550],
    [['ann@'], 'reject', 501],
    [['x@elsewhere.test', 'ann@'], 'reject', 501],
    [['lost@contoso.com'], 'defer', 451],
    [['x@elsewhere.test', 'lost@contoso.com'], 'defer', 451],
    [['lost@contoso.com', 'x@elsewhere.test'], 'reject', 550],
    [[], 'defer', 503],
  ])('%j: %s %s', (to, outcome, code) => {
    const decision = routeMail(mailTo(contosoWith({}), { to }));
    expect([decision.outcome, decision.reason, decision.reply?.code]).toEqual([outcome, 'no-recipient-accepted', code]);
  });

  test('a mailbox whose database nobody knows waits; the others go', () => {
    const decision = routeMail(mailTo(contosoWith({}), { to: ['lost@contoso.com', 'kim@contoso.com'] }));
    expect([answersOf(decision), serversOf(decision)]).toEqual(['451 250*', 'MBX3']);
  });
});
