import { describe, expect, test } from 'vitest';
import { judgeRecipientAddress } from '../../src/filtering/recipient-filter.js';
import { createScreening } from '../../src/filtering/screening.js';
import { judgeSenderAddress } from '../../src/filtering/sender-filter.js';
import { judgeSpf } from '../../src/filtering/spf-filter.js';
import { entry, filtersWith } from './filters-with.js';

const senders = {
  blocked: ['Spam@fabrikam.test', '"odd one"@fabrikam.test', 'bad@bücher.test'],
  blockedDomains: ['Blocked.test'],
  blockedDomainsAndSubdomains: ['wide.test', 'BÜCHER.example'],
};

describe('a sender', () => {
  test.each([
    ['spam@fabrikam.test', 'block'],
    ['SPAM@FABRIKAM.TEST', 'block'],
    ['"spam"@fabrikam.test', 'block'],
    ['"odd one"@fabrikam.test', 'block'],
    ['spam@sub.fabrikam.test', 'pass'],
    ['spam+x@fabrikam.test', 'pass'],
    ['bad@xn--bcher-kva.test', 'block'],
    ['a@blocked.test', 'block'],
    ['a@blocked.test.', 'block'],
    ['a@sub.blocked.test', 'pass'],
    ['a@notblocked.test', 'pass'],
    ['a@wide.test', 'block'],
    ['a@sub.wide.test', 'block'],
    ['a@deep.sub.WIDE.test', 'block'],
    ['a@notwide.test', 'pass'],
    ['a@wide.test.example.org', 'pass'],
    ['a@x.xn--bcher-kva.example', 'block'],
    ['', 'pass'],
    ['no address', 'pass'],
    ['a@[10.0.0.1]', 'pass'],
  ])('%j: %s', (from, expected) => {
    expect(judgeSenderAddress(filtersWith({ senders }), from).kind).toBe(expected);
    const stamped = judgeSenderAddress(filtersWith({ senders: { ...senders, action: 'stamp' } }), from).kind;
    expect(stamped).toBe(expected === 'block' ? 'stamp' : 'pass');
    expect(judgeSenderAddress(filtersWith({ senders, enabled: { sender: false } }), from).kind).toBe('pass');
  });

  test.each([
    [{ blockBlank: true }, 'block'],
    [{ blockBlank: true, action: 'stamp' }, 'stamp'],
    [{ blockBlank: false }, 'pass'],
  ] as const)('that is empty, with %j: %s', (given, expected) => {
    expect(judgeSenderAddress(filtersWith({ senders: given }), '').kind).toBe(expected);
  });

  test('that is blocked hears 554 5.1.0, one that is stamped is marked', () => {
    const said = judgeSenderAddress(filtersWith({ senders }), 'a@wide.test');
    expect(said).toMatchObject({ reply: { code: 554, enhanced: '5.1.0', text: 'Sender denied' } });
    const marked = judgeSenderAddress(filtersWith({ senders: { ...senders, action: 'stamp' } }), 'a@wide.test');
    expect(marked).toMatchObject({ kind: 'stamp', mark: 'sender-blocked' });
  });
});

describe('a recipient', () => {
  const domain = (type: 'authoritative' | 'internal-relay' | 'external-relay', validateRecipients: boolean) => ({
    name: 'x.test',
    type,
    matchSubdomains: false,
    validateRecipients,
  });
  test.each([
    ['blocked@x.test', true, domain('authoritative', true), 'block'],
    ['blocked@x.test', true, domain('external-relay', false), 'block'],
    ['blocked@x.test', false, undefined, 'block'],
    ['known@x.test', true, domain('authoritative', true), 'pass'],
    ['nobody@x.test', false, domain('authoritative', true), 'block'],
    ['nobody@x.test', false, domain('authoritative', false), 'pass'],
    ['nobody@x.test', false, domain('internal-relay', false), 'pass'],
    ['nobody@x.test', false, domain('internal-relay', true), 'pass'],
    ['nobody@x.test', false, domain('external-relay', true), 'pass'],
    ['nobody@x.test', false, undefined, 'pass'],
  ])('%s (known: %s) of %j: %s', (key, known, itsDomain, expected) => {
    const recipients = { blocked: ['Blocked@X.test'], validate: true };
    const verdict = judgeRecipientAddress(filtersWith({ recipients }), { key, known, domain: itsDomain });
    expect(verdict.kind).toBe(expected);
    if (verdict.kind === 'block') expect(verdict.reply).toEqual({ code: 550, enhanced: '5.1.1', text: 'User unknown' });
    const off = filtersWith({ recipients, enabled: { recipient: false } });
    expect(judgeRecipientAddress(off, { key, known, domain: itsDomain }).kind).toBe('pass');
  });

  test('that is unknown passes where nobody asked for validation', () => {
    const unknown = { key: 'nobody@x.test', known: false, domain: domain('authoritative', true) };
    expect(judgeRecipientAddress(filtersWith({}), unknown).kind).toBe('pass');
  });
});

describe('an SPF result', () => {
  test.each([
    ['fail', { fail: 'reject' }, 'block 550'],
    ['fail', { fail: 'delete' }, 'discard'],
    ['fail', {}, 'stamp spf-fail'],
    ['temperror', { tempError: 'reject' }, 'block 451'],
    ['temperror', { tempError: 'delete' }, 'discard'],
    ['temperror', { fail: 'reject' }, 'stamp spf-temperror'],
    ['softfail', { fail: 'reject', tempError: 'reject' }, 'stamp spf-softfail'],
    ['neutral', { fail: 'reject' }, 'stamp spf-neutral'],
    ['none', { fail: 'reject' }, 'stamp spf-none'],
    ['permerror', { fail: 'reject', tempError: 'reject' }, 'stamp spf-permerror'],
    ['pass', { fail: 'reject' }, 'stamp spf-pass'],
    ['fail', { fail: 'reject', bypassedRecipients: ['ANN@contoso.test'] }, 'pass'],
    ['fail', { fail: 'reject', bypassedRecipients: ['bob@contoso.test'] }, 'block 550'],
    ['fail', { fail: 'reject', bypassedDomains: ['Fabrikam.test'] }, 'pass'],
    ['fail', { fail: 'reject', bypassedDomains: ['test'] }, 'block 550'],
  ] as const)('%s with %j: %s', (result, spf, expected) => {
    const filters = filtersWith({ spf, enabled: { spf: true } });
    const verdict = judgeSpf(filters, result, 'kim@fabrikam.test', 'ann@contoso.test');
    const more = verdict.kind === 'block' ? verdict.reply.code : verdict.kind === 'stamp' ? verdict.mark : '';
    expect(`${verdict.kind} ${more}`.trim()).toBe(expected);
    expect(judgeSpf(filtersWith({ spf }), result, 'kim@fabrikam.test', 'ann@contoso.test').kind).toBe('pass');
  });

  test('of the empty sender counts, whatever domains are left out', () => {
    const filters = filtersWith({ spf: { fail: 'reject', bypassedDomains: ['a.test'] }, enabled: { spf: true } });
    expect(judgeSpf(filters, 'fail', '', 'ann@contoso.test').kind).toBe('block');
  });
});

describe('a session', () => {
  const filters = filtersWith({
    ipAllow: [entry('10.0.0.1')],
    ipBlock: [entry('10.0.0.0/24')],
    bypassedRecipients: ['Postmaster@contoso.test'],
    senders,
    recipients: { blocked: ['blocked@contoso.test'] },
    blockProviders: [{ name: 'bl', zone: 'bl.test', priority: 1, enabled: true, match: 'any', response: null }],
  });
  const blocked = { key: 'blocked@contoso.test', known: true, domain: undefined };

  test.each([
    ['10.0.0.1', 'exempt', 'pass', 'pass'],
    ['10.0.0.2', 'block', 'pass', 'block'],
    ['10.9.9.9', 'pass', 'block', 'block'],
    [null, 'pass', 'block', 'block'],
  ])('of %s: client %s, blocked sender %s, blocked recipient %s', (address, client, sender, recipient) => {
    const step = createScreening(filters, address, 0, null);
    if (step.kind !== 'ready') throw new Error('nothing was to be looked up');
    expect(step.screening.client.kind).toBe(client);
    expect(step.screening.sender('a@wide.test').kind).toBe(sender);
    expect(step.screening.recipient(blocked).kind).toBe(recipient);
    expect(step.screening.isBypassed('postmaster@contoso.test')).toBe(true);
    expect(step.screening.isBypassed('ann@contoso.test')).toBe(false);
  });

  test('asks providers only where there can be answers, and about an address', () => {
    expect(createScreening(filters, '10.9.9.9', 0, new Map())).toEqual({
      kind: 'look-up',
      name: '9.9.9.10.bl.test',
    });
    expect(createScreening(filters, '10.0.0.2', 0, new Map()).kind).toBe('ready');
    expect(createScreening(filters, null, 0, new Map()).kind).toBe('ready');
  });
});
