import { describe, expect, test } from 'vitest';
import type { AgentOutcome, ProtocolAgent } from '../../../src/filtering/protocol-agent.js';
import type { SpfResult } from '../../../src/filtering/spf-filter.js';
import type { EstateObject } from '../../../src/topology/catalogue/catalogue.js';
import type { DnsAnswer } from '../../../src/topology/resolver.js';
import { until } from '../../support/until.js';
import { doorParts } from './door-parts.js';
import type { DoorSetting } from './door-under-test.js';
import { askAll, codesOf, type SmtpClient } from './smtp-client.js';

const parts = doorParts();

const ann = 'ann@contoso.com';
const bob = 'bob@contoso.com';
const pass = { kind: 'pass' } as const;
const block = { kind: 'block', why: 'test', reply: { code: 550, enhanced: '5.7.1', text: 'No' } } as const;
const later = <T>(value: T, delayMs = 30): Promise<T> =>
  new Promise((resolve) => setTimeout(() => resolve(value), delayMs));

const mail = (to: readonly string[] = [ann], text = 'Subject: x\r\n\r\nhello'): string[] => [
  'MAIL FROM:<eve@fabrikam.com>',
  ...to.map((address) => `RCPT TO:<${address}>`),
  'DATA',
  `${text}\r\n.`,
];
const taken = ['250 2.1.0', '250 2.1.5', '354', '250 2.6.0'];

async function openDoor(setting: DoorSetting = {}) {
  const mbx = await parts.server();
  return { mbx, door: await parts.doorTo([mbx], setting) };
}

/** The X-Usher-Filter field of a message, '' when there is none. */
const marksIn = (data: string | undefined): string =>
  /^X-Usher-Filter: ((?:.|\r\n\t)*)\r\n/m.exec(data ?? '')?.[1] ?? '';

/** The marks of the messages that were sent, in their order. */
const marksOf = (messages: readonly { data: string }[]): string[] =>
  messages.map(({ data }) => marksIn(data).replaceAll('\r\n\t', ' '));

describe('own agents', () => {
  /** An agent that says at each event what it was asked, and waits or not. */
  function witness(name: string, priority: number, heard: string[], wait: 'wait' | 'at once'): ProtocolAgent {
    const say = (event: string) => {
      heard.push(`${name} ${event}`);
      return wait === 'wait' ? later(pass) : pass;
    };
    return {
      name,
      priority,
      connect: ({ clientAddress, connector }) => say(`connect ${clientAddress} ${connector}`),
      hello: ({ helo, isSecure }) => say(`hello ${helo} ${isSecure}`),
      mail: (_session, from) => say(`mail ${from}`),
      recipient: (_session, { key, known }) => say(`recipient ${key} ${known}`),
      message: ({ from }, { fields, recipients }) =>
        say(`message ${from} ${recipients.join()} ${fields.map(({ name, value }) => `${name}=${value}`).join()}`),
      outcome: (_session, { reply }) => void say(`outcome ${reply.code}`),
      disconnect: () => void say('disconnect'),
    };
  }

  test.each(['wait', 'at once'] as const)(
    'are asked at each event, by priority and then by name (%s)',
    async (wait) => {
      const heard: string[] = [];
      const agents = [witness('z', 1, heard, wait), witness('b', 50, heard, wait), witness('a', 50, heard, wait)];
      const { door } = await openDoor({ agents });
      const client = await parts.client(door);
      expect(codesOf(await askAll(client, mail()))).toEqual(taken);
      client.write('QUIT\r\n');
      await client.rest();
      await until('the last event', () => heard.at(-1) === 'b disconnect');
      expect(heard).toEqual(
        [
          'connect 127.0.0.1 Inbound',
          'hello client.example false',
          'mail eve@fabrikam.com',
          'recipient ann@contoso.com true',
          'message eve@fabrikam.com ann@contoso.com Subject=x',
          'outcome 250',
          'disconnect',
        ].flatMap((event) => ['z', 'a', 'b'].map((name) => `${name} ${event}`)),
      );
    },
  );

  test('that take their time keep the order of the replies to a client that does not wait for them', async () => {
    const { mbx, door } = await openDoor({ agents: [witness('slow', 1, [], 'wait')] });
    const client = await parts.bareClient(door);
    await client.reply();
    client.write(`EHLO c\r\n${mail([ann, bob]).join('\r\n')}\r\n${mail().join('\r\n')}\r\nQUIT\r\n`);
    expect(codesOf(await client.rest())).toEqual([
      '250',
      ...['250 2.1.0', '250 2.1.5', '250 2.1.5', '354', '250 2.6.0'],
      ...taken,
      '221 2.0.0',
    ]);
    expect(mbx.messages.map(({ to }) => to)).toEqual([[ann, bob], [ann]]);
  });

  test('that take longer than the patience with the client do not end the connection', async () => {
    const slow: ProtocolAgent = { name: 'slow', priority: 1, mail: () => later(pass, 1400) };
    const { door } = await openDoor({ agents: [slow], connector: { inactivityTimeout: '1s' } });
    expect(codesOf(await askAll(await parts.client(door), mail()))).toEqual(taken);
  });

  const throwing = (): never => {
    throw new Error('out of order');
  };
  const wrongs: ReadonlyArray<readonly [how: string, call: () => never]> = [
    ['throws', throwing],
    ['rejects', () => Promise.reject(new Error('out of order')) as never],
    ['answers nonsense', () => ({ kind: 'perhaps' }) as never],
    ['answers nonsense later', () => later({ kind: 'block', why: 'x' }) as never],
  ];
  const everything = ['EHLO again', ...mail()];
  const events: ReadonlyArray<readonly [event: keyof ProtocolAgent, replies: readonly string[]]> = [
    ['connect', ['250', '250 2.1.0', '451 4.3.0', '421 4.7.0']],
    ['hello', ['451 4.3.0']],
    ['mail', ['250', '451 4.3.0', '503 5.5.1']],
    ['recipient', ['250', '250 2.1.0', '451 4.3.0', '554 5.5.1']],
    ['message', ['250', '250 2.1.0', '250 2.1.5', '354', '451 4.3.0']],
  ];

  test.each(events.flatMap(([event, replies]) => wrongs.map(([how, call]) => [event, how, call, replies] as const)))(
    'one that at %s %s is a temporary refusal, and told to the administrator',
    async (event, _how, call, replies) => {
      const agent = { name: 'broken', priority: 1, [event]: call } as unknown as ProtocolAgent;
      const { mbx, door } = await openDoor({ agents: [agent] });
      const client = await parts.bareClient(door);
      await client.reply();
      expect(codesOf(await askAll(client, everything.slice(0, replies.length)))).toEqual(replies);
      expect(door.log).toContainEqual(expect.objectContaining({ message: 'an agent failed', agent: 'broken', event }));
      expect(mbx.messages).toEqual([]);
    },
  );

  test.each(wrongs.slice(0, 2))('one that %s when it is told of an outcome changes nothing', async (_how, call) => {
    const agent: ProtocolAgent = { name: 'broken', priority: 1, outcome: call, disconnect: call };
    const { door } = await openDoor({ agents: [agent] });
    const client = await parts.client(door);
    expect(codesOf(await askAll(client, [...mail(), ...mail()]))).toEqual([...taken, ...taken]);
    client.close();
    await until('both are told', () => door.log.filter(({ message }) => message === 'an agent failed').length === 3);
    await until('nobody is left', () => door.open() === 0 && door.sessions.list().length === 0);
  });

  test('a client that goes away while one thinks leaves nothing behind', async () => {
    const agent: ProtocolAgent = { name: 'slow', priority: 1, mail: () => later(pass, 200) };
    const { door } = await openDoor({ agents: [agent] });
    const client = await parts.client(door);
    client.write('MAIL FROM:<>\r\n');
    client.socket.resetAndDestroy();
    await until('nobody is left', () => door.open() === 0 && door.sessions.list().length === 0);
    expect(door.log.filter(({ message }) => message.includes('fault'))).toEqual([]);
  });

  test('mark the message; what was said of one message is not said of the next', async () => {
    const stamp = (mark: string) => ({ kind: 'stamp', why: 'test', mark }) as const;
    let sent = 0;
    const agent: ProtocolAgent = {
      name: 'marker',
      priority: 1,
      connect: () => stamp('of-client'),
      hello: () => stamp('of-name'),
      mail: () => (sent === 0 ? stamp('of-sender') : pass),
      recipient: (_session, { key }) => (sent === 0 ? stamp(`of-${key.slice(0, 3)}`) : pass),
      message: () => (sent === 0 ? stamp('of-message') : pass),
      outcome: () => void (sent += 1),
    };
    const { mbx, door } = await openDoor({ agents: [agent] });
    const client = await parts.client(door);
    await askAll(client, [...mail([ann, bob]), ...mail()]);
    expect(marksOf(mbx.messages)).toEqual([
      'of-client, of-name, of-sender, of-ann, of-bob, of-message',
      'of-client, of-name',
    ]);
    expect(door.tracked[0]?.filters.map(({ event }) => event)).toEqual([
      'connect',
      'hello',
      'mail',
      'recipient',
      'recipient',
      'message',
    ]);
    expect(door.tracked[1]?.filters.map(({ event }) => event)).toEqual(['connect', 'hello']);
  });

  test('a field of that name from outside is no mark of ours', async () => {
    const { mbx, door } = await openDoor();
    await askAll(await parts.client(door), mail([ann], 'X-Usher-Filter: trusted\r\nSubject: x\r\n\r\nhello'));
    expect(marksOf(mbx.messages)).toEqual(['']);
  });

  test('may take one of two recipients out of a message: it hears 250 and gets nothing', async () => {
    const outcomes: AgentOutcome[] = [];
    const agent: ProtocolAgent = {
      name: 'sink',
      priority: 1,
      message: () => later({ kind: 'discard', why: 'not for bob', recipients: [bob] } as const),
      outcome: (_session, outcome) => void outcomes.push(outcome),
    };
    const { mbx, door } = await openDoor({ agents: [agent] });
    const client = await parts.client(door);
    expect(codesOf(await askAll(client, mail([ann, bob])))).toEqual([
      '250 2.1.0',
      '250 2.1.5',
      '250 2.1.5',
      '354',
      '250 2.6.0',
    ]);
    expect(mbx.messages.map(({ to }) => to)).toEqual([[ann]]);
    expect(door.tracked).toMatchObject([
      {
        outcome: 'accepted',
        recipients: [
          { address: ann, verdict: 'accept' },
          { address: bob, verdict: 'discard' },
        ],
        filters: [{ agent: 'sink', event: 'message', verdict: 'discard', why: 'not for bob' }],
      },
    ]);
    expect(codesOf(await askAll(client, mail([bob])))).toEqual(taken);
    expect([mbx.messages.length, mbx.commands.filter((line) => line.startsWith('MAIL')).length]).toEqual([1, 1]);
    expect(door.tracked[1]).toMatchObject({ outcome: 'discarded', server: null, recipients: [{ verdict: 'discard' }] });
    expect(outcomes.map(({ reply }) => reply.code)).toEqual([250, 250]);
  });

  test('that refuse a message at its header: the rest is read, no server is asked, and the session goes on', async () => {
    const agent: ProtocolAgent = {
      name: 'no-junk',
      priority: 1,
      message: (_session, { fields }) => (fields.some(({ value }) => value === 'junk') ? block : pass),
    };
    const { mbx, door } = await openDoor({ agents: [agent] });
    const client = await parts.client(door);
    const junk = mail([ann], `Subject:\r\n junk\r\n\r\n${'some text of the message\r\n'.repeat(20_000)}`);
    expect(codesOf(await askAll(client, junk))).toEqual(['250 2.1.0', '250 2.1.5', '354', '550 5.7.1']);
    expect(mbx.connections()).toBe(0);
    expect(codesOf(await askAll(client, mail()))).toEqual(taken);
    expect(door.tracked.map(({ outcome }) => outcome)).toEqual(['refused', 'accepted']);
  });

  test.each([
    ['hello', ['550 5.7.1', '503 5.5.2', '503 5.5.2', '503 5.5.2', '500 5.3.3', '500 5.3.3']],
    ['mail', ['250', '550 5.7.1', '503 5.5.1', '503 5.5.1', '500 5.3.3', '500 5.3.3']],
    ['recipient', ['250', '250 2.1.0', '550 5.7.1', '554 5.5.1', '500 5.3.3', '500 5.3.3']],
    ['message', ['250', '250 2.1.0', '250 2.1.5', '354', '550 5.7.1', '250 2.0.0']],
  ] as const)(
    'that refuse at %s let the client go on, or end the connection with the refusal',
    async (event, replies) => {
      for (const verdict of [block, { ...block, thenClose: true } as const]) {
        const agent = { name: 'guard', priority: 1, [event]: () => later(verdict) } as unknown as ProtocolAgent;
        const { mbx, door } = await openDoor({ agents: [agent] });
        const client = await parts.bareClient(door);
        await client.reply();
        const said = codesOf(await askAll(client, ['EHLO c', ...mail([ann], 'hello'), 'NOOP']));
        const refusedAt = replies.findIndex((code) => code === '550 5.7.1');
        const isClosed = verdict !== block;
        expect(said).toEqual(replies.map((code, index) => (isClosed && index > refusedAt ? 'closed' : code)));
        expect(mbx.messages).toEqual([]);
      }
    },
  );

  test.each(['connect', 'hello', 'mail'] as const)('that exempt at %s leave nobody to ask', async (event) => {
    const exempt: ProtocolAgent = { name: 'friend', priority: 1, [event]: () => ({ kind: 'exempt', why: 'a friend' }) };
    const strict: ProtocolAgent = { name: 'strict', priority: 90, recipient: () => block, message: () => block };
    const { door } = await openDoor({ agents: [exempt, strict] });
    expect(codesOf(await askAll(await parts.client(door), mail()))).toEqual(taken);
  });

  test('are not asked about our own servers', async () => {
    const heard: string[] = [];
    const agent = { ...witness('a', 1, heard, 'at once'), recipient: () => block };
    const connector = { auth: ['external-authoritative'], permissionGroups: ['servers'] };
    const { door } = await openDoor({ agents: [agent], connector });
    expect(codesOf(await askAll(await parts.client(door), mail()))).toEqual(taken);
    expect(heard).toEqual([]);
  });
});

describe('connection filtering', () => {
  const listed: DnsAnswer = { kind: 'addresses', addresses: ['127.0.0.5'] };
  const zone = (name: string): string => `1.0.0.127.${name}`;
  const blockProvider = { name: 'Zen', zone: 'zen.example', response: 'Look at zen.example/127' };
  const toClose = ['250 2.1.0', '550 5.7.1', '421 4.7.0'];

  test('a listed address hears it at each RCPT, and any other command ends the connection', async () => {
    const { mbx, door } = await openDoor({ estate: { filters: [{ ipBlock: [{ range: '127.0.0.0/8' }] }] } });
    const client = await parts.client(door);
    const replies = await askAll(client, mail([ann, bob]).slice(0, 4));
    expect(codesOf(replies)).toEqual(['250 2.1.0', '550 5.7.1', '550 5.7.1', '421 4.7.0']);
    expect(await client.rest()).toEqual([]);
    expect(mbx.connections()).toBe(0);
    await until('nobody is left', () => door.open() === 0);
    expect(door.tracked).toMatchObject([{ outcome: 'refused', filters: [{ agent: 'connection-filtering' }] }]);
  });

  test('a recipient who wants mail of everybody gets it, also after a refusal', async () => {
    const filters = [{ ipBlock: [{ range: '127.0.0.0/8' }], bypassedRecipients: [bob] }];
    const { mbx, door } = await openDoor({ estate: { filters } });
    const replies = await askAll(await parts.client(door), mail([ann, bob]));
    expect(codesOf(replies)).toEqual(['250 2.1.0', '550 5.7.1', '250 2.1.5', '354', '250 2.6.0']);
    expect(mbx.messages.map(({ to }) => to)).toEqual([[bob]]);
  });

  test.each([
    ['at once', listed],
    ['later', later(listed, 50)],
  ] as const)(
    'a provider that lists the address (its answer comes %s) speaks at RCPT in its own words',
    async (_when, answer) => {
      const filters = [{ blockProviders: [blockProvider] }];
      const { door } = await openDoor({ estate: { filters }, dns: { [zone('zen.example')]: answer } });
      const client = await parts.client(door);
      const replies = await askAll(client, mail().slice(0, 3));
      expect(codesOf(replies)).toEqual(toClose);
      expect(replies[1]).toBe('550 5.7.1 Look at zen.example/127');
      expect(await client.rest()).toEqual([]);
    },
  );

  const two = (first: object, second: object): EstateObject[] => [
    {
      blockProviders: [
        { ...blockProvider, ...first },
        { ...blockProvider, name: 'Second', zone: 'second.example', response: 'second', ...second },
      ],
    },
  ];
  test.each([
    ['the mask fits the answer', two({ match: { mask: 4 } }, {}), { 'zen.example': listed }, '550 Look'],
    ['the mask does not', two({ match: { mask: 2 } }, {}), { 'zen.example': listed }, '250'],
    [
      'the address is the answer',
      two({ match: { addresses: ['127.0.0.5'] } }, {}),
      { 'zen.example': listed },
      '550 Look',
    ],
    ['the address is another', two({ match: { addresses: ['127.0.0.2'] } }, {}), { 'zen.example': listed }, '250'],
    [
      'the second lists it too',
      two({ priority: 2 }, { priority: 1 }),
      { 'zen.example': listed, 'second.example': listed },
      '550 second',
    ],
    [
      'the first does not answer',
      two({}, {}),
      { 'zen.example': { kind: 'timeout' }, 'second.example': later(listed) },
      '550 second',
    ],
    ['none answers', two({}, {}), { 'zen.example': { kind: 'timeout' }, 'second.example': { kind: 'timeout' } }, '250'],
    [
      'an allow provider lists it',
      [{ ...two({}, {})[0], allowProviders: [{ name: 'Friends', zone: 'friends.example' }] }],
      { 'zen.example': listed, 'friends.example': later(listed) },
      '250',
    ],
  ] satisfies ReadonlyArray<readonly [string, EstateObject[], Record<string, DnsAnswer | Promise<DnsAnswer>>, string]>)(
    'providers: %s',
    async (_what, filters, answers, expected) => {
      const dns = Object.fromEntries(Object.entries(answers).map(([name, answer]) => [zone(name), answer]));
      const { door } = await openDoor({ estate: { filters }, dns });
      const client = await parts.client(door);
      const reply = (await askAll(client, mail().slice(0, 2)))[1] ?? '';
      expect(reply.replace(/ \d\.\d\.\d/, '')).toMatch(new RegExp(`^${expected}`));
    },
  );

  test('the greeting waits for the providers, and a client that does not wait for it is turned away', async () => {
    const filters = [{ blockProviders: [blockProvider] }];
    const { mbx, door } = await openDoor({
      estate: { filters },
      dns: { [zone('zen.example')]: later({ kind: 'nxdomain' } as const, 300) },
    });
    const client = await parts.bareClient(door);
    client.write('EHLO early.example\r\nMAIL FROM:<>\r\nRCPT TO:<ann@contoso.com>\r\nDATA\r\n');
    expect(await client.rest()).toEqual(['554 5.5.0 You spoke before the greeting']);
    expect(mbx.connections()).toBe(0);
    await until('nobody is left', () => door.open() === 0);
  });
});

describe('sender filtering', () => {
  const senders = { blocked: ['eve@fabrikam.com'], blockedDomains: ['wingtip.com'] };
  test.each([
    ['eve@fabrikam.com', senders, '554 5.1.0'],
    ['tom@wingtip.com', senders, '554 5.1.0'],
    ['tom@sub.wingtip.com', senders, '250 2.1.0'],
    ['tom@sub.wingtip.com', { blockedDomainsAndSubdomains: ['wingtip.com'] }, '554 5.1.0'],
    ['', senders, '250 2.1.0'],
    ['', { blockBlank: true }, '554 5.1.0'],
  ])('%j with %j: %s, and a refusal ends the connection', async (from, senders, code) => {
    const { door } = await openDoor({ estate: { filters: [{ senders }] } });
    const client = await parts.client(door);
    expect(codesOf([await client.ask(`MAIL FROM:<${from}>`)])).toEqual([code]);
    expect(codesOf([await client.ask('NOOP')])).toEqual([code.startsWith('5') ? 'closed' : '250 2.0.0']);
    const refused = [expect.objectContaining({ from, outcome: 'refused', recipients: [] })];
    expect(door.tracked).toEqual(code.startsWith('5') ? refused : []);
  });

  test('only marks the message where that is wanted', async () => {
    const { mbx, door } = await openDoor({ estate: { filters: [{ senders: { ...senders, action: 'stamp' } }] } });
    expect(codesOf(await askAll(await parts.client(door), mail()))).toEqual(taken);
    expect(marksOf(mbx.messages)).toEqual(['sender-blocked']);
  });

  test('is not asked about a client whose address is blocked: that is said at RCPT', async () => {
    const { door } = await openDoor({ estate: { filters: [{ senders, ipBlock: [{ range: '127.0.0.1' }] }] } });
    const replies = await askAll(await parts.client(door), mail().slice(0, 3));
    expect(codesOf(replies)).toEqual(['250 2.1.0', '550 5.7.1', '421 4.7.0']);
  });
});

test('a change of the filters counts from the next message of a connection on', async () => {
  const { door } = await openDoor();
  const client = await parts.client(door);
  await client.ask('MAIL FROM:<eve@fabrikam.com>');
  door.estate({ filters: [{ recipients: { blocked: [ann] } }] });
  expect(codesOf(await askAll(client, mail().slice(1)))).toEqual(taken.slice(1));
  expect(codesOf(await askAll(client, mail().slice(0, 2)))).toEqual(['250 2.1.0', '550 5.1.1']);
  door.estate({ filters: [{ ipBlock: [{ range: '127.0.0.0/8' }] }] });
  expect(codesOf(await askAll(client, ['RSET', ...mail().slice(0, 2)]))).toEqual([
    '250 2.0.0',
    '250 2.1.0',
    '550 5.7.1',
  ]);
  door.estate({});
  expect(codesOf(await askAll(client, ['RCPT TO:<bob@contoso.com>']))).toEqual(['550 5.7.1']);
});

describe('SPF', () => {
  const open = (spf: EstateObject, result: SpfResult, change: DoorSetting = {}) =>
    openDoor({
      estate: { filters: [{ enabled: { spf: true }, spf }] },
      checkSpf: () => later(result),
      ...change,
    });

  test.each([
    ['pass', {}, '250 2.6.0', ['spf-pass']],
    ['fail', {}, '250 2.6.0', ['spf-fail']],
    ['fail', { fail: 'reject' }, '550 5.7.23', []],
    ['fail', { fail: 'delete' }, '250 2.6.0', []],
    ['temperror', {}, '250 2.6.0', ['spf-temperror']],
    ['temperror', { tempError: 'reject' }, '451 4.4.3', []],
    ['softfail', { fail: 'reject', tempError: 'reject' }, '250 2.6.0', ['spf-softfail']],
  ] as const)('%s with %j: %s', async (result, spf, code, marks) => {
    const { mbx, door } = await open(spf, result);
    const replies = codesOf(await askAll(await parts.client(door), mail()));
    expect(replies).toEqual(['250 2.1.0', '250 2.1.5', '354', code]);
    expect(marksOf(mbx.messages)).toEqual(marks);
    expect(mbx.connections()).toBe(marks.length);
  });

  test('recipients that are left out get what is deleted for the others', async () => {
    const { mbx, door } = await open({ fail: 'delete', bypassedRecipients: [bob] }, 'fail');
    const replies = await askAll(await parts.client(door), mail([ann, bob]));
    expect(codesOf(replies).at(-1)).toBe('250 2.6.0');
    expect(mbx.messages.map(({ to }) => to)).toEqual([[bob]]);
  });

  test('where a refusal is due they go in a transaction of their own', async () => {
    const { mbx, door } = await open({ fail: 'reject', bypassedRecipients: [bob] }, 'fail');
    const client = await parts.client(door);
    expect(codesOf(await askAll(client, mail([ann, bob])))).toEqual([
      '250 2.1.0',
      '250 2.1.5',
      '452 4.5.3',
      '354',
      '550 5.7.23',
    ]);
    expect(codesOf(await askAll(client, mail([bob])))).toEqual(taken);
    expect(mbx.messages.map(({ to }) => to)).toEqual([[bob]]);
  });
});

describe('behind a relay of our own', () => {
  const relay = { internalSmtpServers: ['127.0.0.1', '10.0.0.0/8'] };
  const filters = { ipBlock: [{ range: '192.0.2.66' }, { range: '127.0.0.1' }], bypassedRecipients: [bob] };
  const received = (address: string): string =>
    `Received: from x (y [${address}]) by relay.contoso.com; Fri, 02 Jan 2026 03:04:05 +0000\r\n`;

  test.each([
    ['the newest address outside is blocked', received('10.0.0.9') + received('192.0.2.66'), '550 5.7.1'],
    ['an older one is', received('192.0.2.7') + received('192.0.2.66'), '250 2.6.0'],
    ['none is known', '', '250 2.6.0'],
  ])('%s', async (_what, head, code) => {
    const { mbx, door } = await openDoor({ estate: { organization: [relay], filters: [filters] } });
    const client: SmtpClient = await parts.client(door);
    const replies = await askAll(client, mail([ann], `${head}Subject: x\r\n\r\nhello`));
    expect(codesOf(replies)).toEqual(['250 2.1.0', '250 2.1.5', '354', code]);
    expect(mbx.messages.length).toBe(code.startsWith('2') ? 1 : 0);
    expect(codesOf([await client.ask('NOOP')])).toEqual(['250 2.0.0']);
  });
});
