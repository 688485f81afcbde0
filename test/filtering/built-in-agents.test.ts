import { describe, expect, test } from 'vitest';
import { screeningOf } from '../../src/filtering/pending-screening.js';
import type { SpfChecker, SpfResult } from '../../src/filtering/spf-filter.js';
import { entry, type Filters, filtersWith } from './filters-with.js';
import { type BuiltInOptions, builtInsOf, chainOf, messageTo, recipientOf, resolverOf } from './session.js';

const stranger = '198.51.100.7';
const relay = '10.0.0.9';
const [ann, bob, cat] = ['ann@contoso.com', 'bob@contoso.com', 'cat@contoso.com'];
const provider = (name: string, priority: number, more = {}) =>
  ({
    name,
    zone: `${name}.test`,
    priority,
    enabled: true,
    match: 'any',
    response: `${name} lists you`,
    ...more,
  }) as const;
const at = (name: string, address = stranger): string => `${address.split('.').reverse().join('.')}.${name}.test`;

function sessionOver(filters: Filters, client: string, options: BuiltInOptions = {}) {
  const made = chainOf(builtInsOf(filters, options), client);
  /** MAIL and each RCPT, as a door would ask and note them; then the header. */
  const send = async (from: string, to: readonly string[], ...received: string[]) => {
    made.session.from = from;
    made.session.recipients = [];
    const said = [kindOf(await made.chain.mail(from))];
    for (const key of to) {
      const verdict = await made.chain.recipient(recipientOf(key));
      said.push(kindOf(verdict));
      if (verdict.kind !== 'block') made.session.recipients = [...made.session.recipients, key];
    }
    const result = await made.chain.message({ ...messageTo(made.session.recipients, ...received), from });
    return { said, end: kindOf(result.verdict), marks: [...made.chain.marks, ...result.marks], result };
  };
  return { ...made, send };
}

const kindOf = (verdict: {
  readonly kind: string;
  readonly reply?: { readonly code: number; readonly enhanced: string };
}) => (verdict.reply ? `${verdict.reply.code} ${verdict.reply.enhanced}` : verdict.kind);

describe('the built-in agents', () => {
  test('stand in their order, and only those that are switched on', async () => {
    const checkSpf: SpfChecker = () => Promise.resolve('pass');
    const all = filtersWith({ enabled: { spf: true } });
    expect(builtInsOf(all, { checkSpf }).map(({ name, priority }) => `${priority} ${name}`)).toEqual([
      '1 connection-filtering',
      '5 spf',
      '6 sender-filtering',
      '7 recipient-filtering',
    ]);
    const enabled = { connection: false, sender: false, recipient: false, spf: false };
    expect(builtInsOf(filtersWith({ enabled }), { checkSpf })).toEqual([]);
  });
});

describe('a client that connects', () => {
  const filters = filtersWith({
    ipAllow: [entry('203.0.113.1')],
    ipBlock: [entry('203.0.113.0/24')],
    allowProviders: [provider('good', 1)],
    blockProviders: [provider('second', 7), provider('first', 3)],
  });

  test.each([
    ['on the allow list', '203.0.113.1', '', 'exempt', []],
    ['on the block list', '203.0.113.2', '', '550 5.7.1', []],
    ['listed by an allow provider', stranger, `${at('good')}=127.0.0.2`, 'exempt', ['good']],
    ['listed by the first block provider', stranger, `${at('first')}=127.0.0.2`, '550 5.7.1', ['good', 'first']],
    ['listed by the second', stranger, `${at('second')}=127.0.0.2`, '550 5.7.1', ['good', 'first', 'second']],
    ['when one does not answer', stranger, `${at('first')}=timeout`, 'pass', ['good', 'first', 'second']],
    ['listed by nobody', stranger, '', 'pass', ['good', 'first', 'second']],
  ])('%s', async (_what, client, answers, expected, providers) => {
    for (const when of ['now', 'later'] as const) {
      const resolver = resolverOf(answers, when);
      const { chain } = sessionOver(filters, client, { resolver });
      const verdict = chain.connect();
      expect(verdict instanceof Promise).toBe(when === 'later' && providers.length > 0);
      expect(kindOf(await verdict)).toBe(expected);
      expect(resolver.asked).toEqual(providers.map((name) => at(name)));
    }
  });

  test('is told what the provider says', async () => {
    const { chain } = sessionOver(filters, stranger, { resolver: resolverOf(`${at('first')}=127.0.0.2`, 'later') });
    expect(await chain.connect()).toMatchObject({ reply: { text: 'first lists you' }, thenClose: true });
  });

  test('waits for providers no longer than for all of them together', async () => {
    let nowMs = 0;
    const asked: string[] = [];
    const resolver = {
      addresses(name: string) {
        asked.push(name);
        nowMs += 4000;
        return Promise.resolve({ kind: 'timeout' } as const);
      },
    };
    const many = filtersWith({
      blockProviders: Array.from({ length: 50 }, (_, index) => provider(`p${index}`, index)),
    });
    const { chain } = sessionOver(many, stranger, { resolver, nowMs: () => nowMs });
    expect(await chain.connect()).toEqual({ kind: 'pass' });
    expect(asked).toHaveLength(4);
  });
});

describe('a blocked address and a blocked sender', () => {
  test('the address came first, and is told at RCPT', async () => {
    const filters = filtersWith({ ipBlock: [entry(stranger)], senders: { blocked: ['kim@fabrikam.test'] } });
    const { chain, lines } = sessionOver(filters, stranger);
    await chain.connect();
    const screening = screeningOf(chain, filters);
    expect(screening.sender('kim@fabrikam.test').kind).toBe('pass');
    expect(kindOf(screening.client)).toBe('550 5.7.1');
    expect(lines).toEqual(['connection-filtering connect block']);
  });

  test('a blocked sender hears 554 5.1.0, and the connection is closed', async () => {
    const { chain } = sessionOver(filtersWith({ senders: { blocked: ['kim@fabrikam.test'] } }), stranger);
    await chain.connect();
    expect(chain.mail('kim@fabrikam.test')).toMatchObject({ reply: { code: 554, enhanced: '5.1.0' }, thenClose: true });
  });

  test('that is only stamped goes on with a mark', async () => {
    const { send } = sessionOver(
      filtersWith({ senders: { blocked: ['kim@fabrikam.test'], action: 'stamp' } }),
      stranger,
    );
    expect(await send('kim@fabrikam.test', [ann])).toMatchObject({
      said: ['stamp', 'pass'],
      marks: ['sender-blocked'],
    });
  });
});

test('a blocked recipient is refused under every name', async () => {
  const { chain } = sessionOver(filtersWith({ recipients: { blocked: [ann] } }), stranger);
  expect(chain.recipient(recipientOf('ann+x@contoso.com', ann))).toMatchObject({
    reply: { code: 550, enhanced: '5.1.1' },
  });
  expect(chain.recipient(recipientOf(bob)).constructor).toBe(Object);
  expect(chain.recipient(recipientOf(bob))).toEqual({ kind: 'pass' });
});

describe('mail through a relay of ours', () => {
  const internalSmtpServers = ['10.0.0.0/8'];
  const from = (address: string) => `from x ([${address}]) by relay`;
  const filters = filtersWith({
    ipBlock: [entry('203.0.113.0/24'), entry(relay)],
    ipAllow: [entry('203.0.113.1')],
    bypassedRecipients: [cat],
    blockProviders: [provider('bl', 1)],
  });

  test.each([
    ['from a blocked address', [from('10.0.0.3'), from('203.0.113.9')], '550 5.7.1'],
    ['from an allowed address', [from('203.0.113.1')], 'pass'],
    ['from a listed address', [from('192.0.2.9'), from('203.0.113.9')], '550 5.7.1'],
    ['from an address that came over a blocked one before', [from('192.0.2.8'), from('203.0.113.9')], 'pass'],
    ['from within', [from('10.0.0.3')], 'pass'],
  ])('%s', async (_what, received, expected) => {
    const resolver = resolverOf(`${at('bl', '192.0.2.9')}=127.0.0.2`, 'later');
    const { chain, send } = sessionOver(filters, relay, { internalSmtpServers, resolver });
    expect(await chain.connect()).toEqual({ kind: 'pass' });
    expect(chain.hasMessageAgents).toBe(true);
    const { said, end, result } = await send('kim@fabrikam.test', [ann, bob], ...received);
    expect([said, end]).toEqual([['pass', 'pass', 'pass'], expected]);
    expect(result.verdict).not.toHaveProperty('thenClose');
  });

  test('is not told apart in one transaction, and gets to those who take it from anybody', async () => {
    const { send } = sessionOver(filters, relay, { internalSmtpServers });
    const mixed = await send('kim@fabrikam.test', [ann, cat, bob], from('203.0.113.9'));
    expect(mixed).toMatchObject({ said: ['pass', 'pass', '452 4.5.3', 'pass'], end: '550 5.7.1' });
    const apart = await send('kim@fabrikam.test', [cat, ann], from('203.0.113.9'));
    expect(apart).toMatchObject({ said: ['pass', 'pass', '452 4.5.3'], end: 'pass' });
  });

  test('other clients are judged as they connect, and by no field', async () => {
    const { chain, send } = sessionOver(filters, stranger, { internalSmtpServers });
    expect(await chain.connect()).toEqual({ kind: 'pass' });
    expect(await send('kim@fabrikam.test', [ann, cat], from('203.0.113.9'))).toMatchObject({
      said: ['pass', 'pass', 'pass'],
      end: 'pass',
    });
  });
});

describe('SPF', () => {
  const kim = 'kim@fabrikam.test';
  function spfSession(
    result: SpfResult,
    spf: Partial<Filters['spf']>,
    client = stranger,
    options: BuiltInOptions = {},
  ) {
    const checked: string[] = [];
    const checkSpf: SpfChecker = ({ address, helo, from }) => {
      checked.push(`${address} ${helo} <${from}>`);
      return Promise.resolve(result);
    };
    const filters = filtersWith({ enabled: { spf: true }, spf });
    return { ...sessionOver(filters, client, { checkSpf, ...options }), checked };
  }

  test.each([
    ['fail', { fail: 'reject' }, '550 5.7.23', [], 0],
    ['fail', { fail: 'delete' }, 'pass', [], 2],
    ['fail', { fail: 'stamp' }, 'pass', ['spf-fail'], 0],
    ['temperror', { tempError: 'reject' }, '451 4.4.3', [], 0],
    ['temperror', { tempError: 'delete' }, 'pass', [], 2],
    ['temperror', { tempError: 'stamp' }, 'pass', ['spf-temperror'], 0],
    ['softfail', { fail: 'reject', tempError: 'reject' }, 'pass', ['spf-softfail'], 0],
    ['pass', { fail: 'reject' }, 'pass', ['spf-pass'], 0],
  ] as const)('%s with %j: %s, marks %j, %i discarded', async (result, spf, end, marks, discarded) => {
    const { send, checked } = spfSession(result, spf);
    const sent = await send(kim, [ann, bob]);
    expect(sent).toMatchObject({ said: ['pass', 'pass', 'pass'], end, marks });
    expect(sent.result.discarded.size).toBe(discarded);
    expect(checked).toEqual([`${stranger} client.example <${kim}>`]);
  });

  test('a recipient that is left out gets the message untested, in a transaction of its own where it is refused', async () => {
    const { send } = spfSession('fail', { fail: 'reject', bypassedRecipients: [bob] });
    expect(await send(kim, [ann, bob, cat])).toMatchObject({
      said: ['pass', 'pass', '452 4.5.3', 'pass'],
      end: '550 5.7.23',
    });
    expect(await send(kim, [bob, ann])).toMatchObject({ said: ['pass', 'pass', '452 4.5.3'], end: 'pass', marks: [] });
  });

  test('a recipient that was not accepted has no say in who comes with it', async () => {
    const { chain, session } = spfSession('fail', { fail: 'reject', bypassedRecipients: [bob] });
    session.from = kim;
    await chain.mail(kim);
    expect(chain.recipient(recipientOf(ann))).toEqual({ kind: 'pass' });
    expect(chain.recipient(recipientOf(bob))).toEqual({ kind: 'pass' });
  });

  test('where it is deleted the others go on alone, and other names of those left out count', async () => {
    const { chain, session } = spfSession('fail', { fail: 'delete', bypassedRecipients: [bob] });
    session.from = kim;
    await chain.mail(kim);
    await chain.recipient(recipientOf('robert@contoso.com', bob));
    await chain.recipient(recipientOf(ann));
    const result = await chain.message(messageTo(['robert@contoso.com', ann]));
    expect([...result.discarded]).toEqual([ann]);
  });

  test('what passes is sent together', async () => {
    const { send } = spfSession('pass', { fail: 'reject', bypassedRecipients: [bob] });
    expect(await send(kim, [ann, bob])).toMatchObject({
      said: ['pass', 'pass', 'pass'],
      end: 'pass',
      marks: ['spf-pass'],
    });
  });

  test('nothing is asked where nobody speaks for the client, or the domain is left out', async () => {
    const { send, checked, session } = spfSession('fail', { fail: 'reject', bypassedDomains: ['Fabrikam.test'] });
    session.helo = '[198.51.100.7]';
    expect(await send('', [ann])).toMatchObject({ end: 'pass', marks: ['spf-none'] });
    expect(await send(kim, [ann])).toMatchObject({ end: 'pass', marks: [] });
    expect(checked).toEqual([]);
    session.helo = 'mail.fabrikam.test';
    expect(await send('', [ann])).toMatchObject({ end: '550 5.7.23' });
    expect(checked).toEqual([`${stranger} mail.fabrikam.test <>`]);
  });

  test('through a relay of ours it is the address before it that counts', async () => {
    const options = { internalSmtpServers: ['10.0.0.0/8'] };
    const { send, checked } = spfSession('fail', { fail: 'reject', bypassedRecipients: [bob] }, relay, options);
    const received = ['from x ([10.0.0.4]) by y', 'from x ([192.0.2.4]) by z'];
    expect(await send(kim, [ann, bob], ...received)).toMatchObject({
      said: ['pass', 'pass', '452 4.5.3'],
      end: '550 5.7.23',
    });
    expect(checked).toEqual([`192.0.2.4  <${kim}>`]);
    expect(await send(kim, [ann])).toMatchObject({ end: 'pass', marks: [] });
  });
});
