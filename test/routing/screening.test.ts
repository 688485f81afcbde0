import { describe, expect, test } from 'vitest';
import { createScreening } from '../../src/filtering/screening.js';
import type { Decision } from '../../src/routing/decision.js';
import type { MailQuestion } from '../../src/routing/route-mail.js';
import { routeMail } from '../../src/routing/route-mail.js';
import { entry, filtersWith } from '../filtering/filters-with.js';
import { contosoWith, mailTo } from './contoso.js';

const filters = filtersWith({
  ipAllow: [entry('203.0.113.1')],
  ipBlock: [entry('203.0.113.0/24'), entry('10.0.1.0/24')],
  bypassedRecipients: ['kim@contoso.com'],
  senders: { blocked: ['bad@fabrikam.test', 'ann@contoso.com'] },
  recipients: { blocked: ['bob@contoso.com', 'no@internal.test'], validate: true },
});
const estate = contosoWith({
  receiveConnectors: [{ name: 'Door', permissionGroups: ['anonymous', 'servers', 'users'] }],
});

function ask(client: string, from: string, to: string, given: Partial<MailQuestion> = {}): Decision {
  const step = createScreening(filters, client, 0, null);
  if (step.kind !== 'ready') throw new Error('nothing was to be looked up');
  return routeMail(
    mailTo(estate, { clientAddress: client, from, to: to.split(' '), screening: step.screening, ...given }),
  );
}

const stranger = '198.51.100.7';
const blocked = '203.0.113.9';
const ann = 'ann@contoso.com';

describe('filters at a front end', () => {
  test.each([
    ['nothing against it', stranger, 'x@y.test', ann, 'proxy', '250'],
    ['a blocked client hears it at RCPT', blocked, 'x@y.test', ann, 'reject', '550 5.7.1'],
    ['a blocked client before a blocked sender', blocked, 'bad@fabrikam.test', ann, 'reject', '550 5.7.1'],
    [
      'a recipient that blocked clients may write to',
      blocked,
      'x@y.test',
      `${ann} kim@contoso.com`,
      'proxy',
      '550 5.7.1, 250',
    ],
    ['a blocked sender', stranger, 'bad@fabrikam.test', ann, 'reject', ''],
    ['a client on the allow list skips all', '203.0.113.1', 'bad@fabrikam.test', 'bob@contoso.com', 'proxy', '250'],
    ['a blocked recipient', stranger, 'x@y.test', `bob@contoso.com ${ann}`, 'proxy', '550 5.1.1, 250'],
    ['nobody in our own domain', stranger, 'x@y.test', `nobody@contoso.com ${ann}`, 'proxy', '550 5.1.1, 250'],
    ['nobody in a domain that we relay for', stranger, 'x@y.test', 'nobody@internal.test', 'proxy', '250'],
    ['blocked in a domain that we relay for', stranger, 'x@y.test', 'no@internal.test', 'reject', '550 5.1.1'],
    ['an own server is not asked', '10.0.1.1', 'bad@fabrikam.test', 'bob@contoso.com', 'proxy', '250'],
  ])('%s', (_, client, from, to, outcome, replies) => {
    const decision = ask(client, from, to);
    expect(decision.outcome).toBe(outcome);
    const said = decision.recipients.map(({ reply }) => (reply ? `${reply.code} ${reply.enhanced}` : '250'));
    expect(said.join(', ')).toBe(replies);
  });

  test('a blocked sender hears 554 at MAIL', () => {
    expect(ask(stranger, 'bad@fabrikam.test', ann).reply).toMatchObject({ code: 554, enhanced: '5.1.0' });
  });

  test('a relay of ours is not judged by its address when it connects', () => {
    const step = createScreening(filters, blocked, 0, null, ['203.0.113.0/28']);
    if (step.kind !== 'ready') throw new Error('nothing was to be looked up');
    const { screening } = step;
    const question = { clientAddress: blocked, from: 'x@y.test', to: [ann], screening };
    expect(routeMail(mailTo(estate, question)).outcome).toBe('proxy');
    expect(routeMail(mailTo(estate, { ...question, from: 'bad@fabrikam.test' })).reply).toMatchObject({ code: 554 });
  });

  test('a user who logged on is not asked, whatever is blocked', () => {
    const decision = ask(blocked, ann, 'bob@contoso.com', { user: ann });
    expect(decision.outcome).toBe('proxy');
    expect(decision.trace.some(({ rule }) => rule.startsWith('filter/'))).toBe(false);
  });
});
