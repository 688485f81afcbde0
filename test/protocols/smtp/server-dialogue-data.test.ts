import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Envelope, EnvelopeRecipient } from '../../../src/protocols/smtp/envelope.js';
import { SmtpServerDialogue } from '../../../src/protocols/smtp/server-dialogue.js';
import type { ServerStep, ServerTurn } from '../../../src/protocols/smtp/server-step.js';
import { cut } from './cut.js';

const to = (...names: string[]): EnvelopeRecipient[] =>
  names.map((name) => ({ address: `${name}@contoso.com`, notify: null, orcpt: null }));
const mail = 'MAIL FROM:<eve@fabrikam.com>\r\n';
const rcpt = (name: string): string => `RCPT TO:<${name}@contoso.com>\r\n`;
const envelopeTo = (...names: string[]): Envelope => ({
  from: 'eve@fabrikam.com',
  to: to(...names),
  body8bit: false,
  smtputf8: false,
  ret: null,
  envid: null,
});

function ready(...keywords: string[]) {
  const client = new SmtpServerDialogue({
    heloName: 'front.example',
    tls: 'none',
    credentials: null,
    auth: null,
    xclient: null,
  });
  const says = (text: string): ServerTurn => client.receive(Buffer.from(text));
  says('220 hi\r\n');
  expect(says(['250-mbx1', ...keywords.map((word) => `250-${word}`), '250 X\r\n'].join('\r\n')).step.kind).toBe(
    'ready',
  );
  return { client, says };
}

/** MAIL, RCPTs and DATA in one write. */
function sent(...names: string[]) {
  const { client, says } = ready('PIPELINING');
  const turn = client.startTransaction(envelopeTo(...names), { withData: true });
  expect(turn.output.toString()).toBe(`${mail}${names.map(rcpt).join('')}DATA\r\n`);
  return { client, says };
}

describe('MAIL, RCPT and DATA in one write', () => {
  test('everybody accepted: the message goes, and the next one', () => {
    const { client, says } = sent('ann', 'bob');
    expect(says('250 ok\r\n250 ok\r\n250 ok\r\n').step.kind).toBe('wait');
    expect(says('354 go\r\n').step.kind).toBe('send-body');
    client.bodySent();
    expect(says('250 taken\r\n').step.kind).toBe('finished');
    expect(client.startTransaction(envelopeTo('ann'), { withData: true }).step.kind).toBe('wait');
  });

  test('somebody refused and DATA let in: nothing may be written any more', () => {
    const { client, says } = sent('ann', 'bob');
    expect(says('250 ok\r\n550 5.1.1 ann?\r\n250 ok\r\n354 go\r\n').step).toMatchObject({
      kind: 'recipients',
      replies: [{ address: 'ann@contoso.com' }, { address: 'bob@contoso.com', reply: { code: 250 } }],
      refused: [{ reply: { code: 550 } }],
      connection: 'spent',
    });
    for (const call of ['startData', 'abortTransaction', 'bodySent', 'quit'] as const) {
      expect(() => client[call]()).toThrow('does not fit');
    }
    expect(says('250 whatever\r\n').step.kind).toBe('wait');
  });

  test('all refused and DATA too: the connection is of use', () => {
    const { client, says } = sent('ann', 'bob');
    expect(says('250 ok\r\n550 ann?\r\n450 bob?\r\n503 nobody\r\n').step).toMatchObject({
      kind: 'recipients',
      refused: [{ reply: { code: 550 } }, { reply: { code: 450 } }],
      connection: 'usable',
    });
    expect(() => client.startData()).toThrow('without recipients');
    client.abortTransaction();
    expect(says('250 ok\r\n').step.kind).toBe('ready');
  });

  test.each([
    ['503 no\r\n', 'usable'],
    ['354 go\r\n', 'spent'],
  ])('the sender refused, DATA answered %j', (data, connection) => {
    const { client, says } = sent('ann');
    expect(says('550 5.7.1 not you\r\n503 no\r\n').step.kind).toBe('wait');
    expect(says(data).step).toMatchObject({ kind: 'failed', stage: 'mail', reply: { code: 550 }, connection });
    if (connection === 'spent') expect(() => client.quit()).toThrow('does not fit');
    else expect(client.startTransaction(envelopeTo('ann')).step.kind).toBe('wait');
  });

  test('DATA refused though everybody was accepted', () => {
    const { client, says } = sent('ann');
    expect(says('250 ok\r\n250 ok\r\n451 4.3.1 full\r\n').step).toMatchObject({
      kind: 'failed',
      stage: 'data',
      reply: { code: 451 },
      connection: 'usable',
    });
    expect(client.abortTransaction().output.toString()).toBe('RSET\r\n');
  });

  test.each([
    ['421 in place of MAIL', '421 bye\r\n', 'mail'],
    ['421 in place of RCPT', '250 ok\r\n421 bye\r\n', 'rcpt'],
    ['421 in place of DATA', '250 ok\r\n250 ok\r\n421 bye\r\n', 'data'],
    ['354 too early', '250 ok\r\n354 go\r\n', 'rcpt'],
    ['250 to DATA', '250 ok\r\n250 ok\r\n250 ok\r\n', 'data'],
    ['355 to DATA', '250 ok\r\n250 ok\r\n355 ok\r\n', 'data'],
  ])('%s ends the connection', (_name, said, stage) => {
    expect(sent('ann').says(said).step).toMatchObject({ kind: 'failed', stage, connection: 'spent' });
  });

  test('words behind 354 are not overlooked', () => {
    const { client, says } = sent('ann');
    expect(says('250 ok\r\n250 ok\r\n354 go\r\n250 done\r\n').step.kind).toBe('send-body');
    expect(client.bodySent().step).toMatchObject({ kind: 'failed', stage: 'body', connection: 'spent' });
  });

  test('without PIPELINING goes step by step, and stops before DATA when somebody is refused', () => {
    const { client, says } = ready();
    const next = (said: string): string => says(said).output.toString();
    expect(client.startTransaction(envelopeTo('ann', 'bob'), { withData: true }).output.toString()).toBe(mail);
    expect(next('250 ok\r\n')).toBe(rcpt('ann'));
    expect(next('250 ok\r\n')).toBe(rcpt('bob'));
    expect(next('250 ok\r\n')).toBe('DATA\r\n');
    expect(says('354 go\r\n').step.kind).toBe('send-body');
    const other = ready();
    other.client.startTransaction(envelopeTo('ann', 'bob'), { withData: true });
    other.says('250 ok\r\n');
    other.says('550 no\r\n');
    const turn = other.says('250 ok\r\n');
    expect(turn.output.length).toBe(0);
    expect(turn.step).toMatchObject({ kind: 'recipients', refused: [{}], connection: 'usable' });
  });

  test('a recipient that cannot be written keeps DATA back', () => {
    const { client } = ready('PIPELINING');
    const turn = client.startTransaction(envelopeTo('ann', 'x y', 'bob'), { withData: true });
    expect(turn.output.toString()).toBe(`${mail}${rcpt('ann')}${rcpt('bob')}`);
  });
});

describe('further recipients', () => {
  test.each([['PIPELINING'], ['X-NONE']])('get replies of their own (%s)', (keyword) => {
    const { client, says } = ready(keyword);
    client.startTransaction(envelopeTo('ann'));
    says('250 ok\r\n');
    expect(says('550 5.1.1 ann?\r\n').step).toMatchObject({ kind: 'recipients', refused: [{}] });
    expect(() => client.startData()).toThrow('without recipients');
    expect(client.addRecipients(to('bob', 'x y')).output.toString()).toBe(rcpt('bob'));
    expect(says('250 2.1.5 bob\r\n').step).toMatchObject({
      kind: 'recipients',
      replies: [{ address: 'bob@contoso.com' }, { address: 'x y@contoso.com', reply: { code: 553 } }],
      refused: [{ address: 'x y@contoso.com' }],
    });
    client.addRecipients(to('cid'));
    expect(says('452 4.5.3 enough\r\n').step).toMatchObject({ replies: [{ address: 'cid@contoso.com' }] });
    expect(client.startData().output.toString()).toBe('DATA\r\n');
    expect(says('354 go\r\n').step.kind).toBe('send-body');
  });

  test('that cannot be written are answered at once', () => {
    const { client, says } = ready('PIPELINING');
    client.startTransaction(envelopeTo('ann'));
    says('250 ok\r\n250 ok\r\n');
    const turn = client.addRecipients(to('x y'));
    expect([turn.output.length, turn.step.kind]).toEqual([0, 'recipients']);
    expect(client.startData().output.toString()).toBe('DATA\r\n');
  });

  test('are not named to a server that has spoken meanwhile', () => {
    const { client, says } = ready('PIPELINING');
    client.startTransaction(envelopeTo('ann'));
    expect(says('250 ok\r\n250 ok\r\n421 4.4.2 too slow\r\n').step.kind).toBe('recipients');
    const turn = client.addRecipients(to('bob'));
    expect(turn.output.length).toBe(0);
    expect(turn.step).toMatchObject({ kind: 'failed', stage: 'idle', reply: { code: 421 }, connection: 'spent' });
  });
});

/** What must come of the answers of a server that answers every command of one write. */
function expected(sender: number, recipients: readonly number[], data: number): string {
  const isNo = (code: number): boolean => code >= 400;
  if (isNo(sender)) return `failed mail ${isNo(data) ? 'usable' : 'spent'}`;
  if (recipients.some(isNo)) return `recipients ${recipients.filter(isNo).length} ${isNo(data) ? 'usable' : 'spent'}`;
  return isNo(data) ? 'failed data usable' : 'send-body';
}

function told(step: ServerStep): string {
  switch (step.kind) {
    case 'failed':
      return `failed ${step.stage} ${step.connection}`;
    case 'recipients':
      return `recipients ${step.refused.length} ${step.connection}`;
    default:
      return step.kind;
  }
}

test('whatever a server answers to one write, in chunks of any size, the message goes only where all were accepted', () => {
  const word = fc.constantFrom(250, 251, 450, 550);
  fc.assert(
    fc.property(
      word,
      fc.array(word, { minLength: 1, maxLength: 5 }),
      fc.constantFrom(354, 451, 503, 554),
      fc.array(fc.nat(), { maxLength: 8 }),
      (sender, recipients, data, places) => {
        const { client } = ready('PIPELINING');
        client.startTransaction(envelopeTo(...recipients.map((_code, index) => `u${index}`)), { withData: true });
        const said = [sender, ...recipients, data].map((code) => `${code}-x\r\n${code} y\r\n`).join('');
        const turns = cut(Buffer.from(said), places).map((piece) => client.receive(piece));
        const steps = turns.map(({ step }) => told(step)).filter((step) => step !== 'wait');
        expect(steps).toEqual([expected(sender, recipients, data)]);
        expect(turns.every(({ output }) => output.length === 0)).toBe(true);
      },
    ),
  );
});
