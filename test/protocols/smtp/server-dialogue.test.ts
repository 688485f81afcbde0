import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Envelope, EnvelopeRecipient } from '../../../src/protocols/smtp/envelope.js';
import { SmtpServerDialogue, type SmtpServerDialogueOptions } from '../../../src/protocols/smtp/server-dialogue.js';
import type { ServerStep, ServerTurn } from '../../../src/protocols/smtp/server-step.js';
import { cut } from './cut.js';

const options: SmtpServerDialogueOptions = {
  heloName: 'front.example',
  tls: 'none',
  credentials: null,
  auth: null,
  xclient: null,
};
const credentials = {
  kind: 'password',
  user: 'front',
  password: 'secret',
  authorizationId: 'ann@contoso.com',
} as const;
const authLine = `AUTH PLAIN ${Buffer.from('ann@contoso.com\0front\0secret').toString('base64')}\r\n`;
const to = (...addresses: string[]): EnvelopeRecipient[] =>
  addresses.map((address) => ({ address, notify: null, orcpt: null }));
const envelope: Envelope = {
  from: 'eve@fabrikam.com',
  to: to('ann@contoso.com', 'bob@contoso.com', 'cid@contoso.com'),
  size: 100,
  body8bit: false,
  smtputf8: false,
  ret: null,
  envid: null,
};
const rcpts = envelope.to.map(({ address }) => `RCPT TO:<${address}>\r\n`);

const greeting = '220 mbx1.example ESMTP\r\n';
const ehlo = 'EHLO front.example\r\n';
const hello = (...keywords: string[]): string =>
  ['mbx1.example', ...keywords].map((word, index) => `250${index === keywords.length ? ' ' : '-'}${word}\r\n`).join('');

/** A turn as text: what is written and the kind of step. */
const told = (turn: ServerTurn): [string, ServerStep['kind']] => [turn.output.toString(), turn.step.kind];

function dialogue(change: Partial<SmtpServerDialogueOptions> = {}) {
  const client = new SmtpServerDialogue({ ...options, ...change });
  return { client, says: (text: string): ServerTurn => client.receive(Buffer.from(text)) };
}

/** A dialogue that has got as far as `ready` on a server that offers the keywords. */
function ready(...keywords: string[]) {
  const { client, says } = dialogue();
  says(greeting);
  expect(says(hello(...keywords)).step.kind).toBe('ready');
  return { client, says };
}

/** A dialogue with one accepted recipient. */
function withRecipient() {
  const { client, says } = ready();
  client.startTransaction({ ...envelope, to: to('ann@contoso.com') });
  says('250 ok\r\n');
  expect(says('250 ok\r\n').step.kind).toBe('recipients');
  return { client, says };
}

describe('opening', () => {
  test('greeting, EHLO, ready with what the server offers', () => {
    const { client, says } = dialogue();
    expect(told(says(greeting))).toEqual([ehlo, 'wait']);
    const turn = says(hello('SIZE 1000', 'PIPELINING'));
    expect(turn.step).toMatchObject({ kind: 'ready', capabilities: { name: 'mbx1.example' } });
    expect(told(client.quit())).toEqual(['QUIT\r\n', 'wait']);
    expect(told(says('221 bye\r\n'))).toEqual(['', 'closed']);
  });

  test('a greeting of many lines', () => {
    expect(told(dialogue().says('220-one\r\n220 two\r\n'))).toEqual([ehlo, 'wait']);
  });

  test('HELO where EHLO is unknown', () => {
    const { says } = dialogue();
    says(greeting);
    expect(told(says('502 what?\r\n'))).toEqual(['HELO front.example\r\n', 'wait']);
    expect(told(says('250 mbx1.example\r\n'))).toEqual(['', 'ready']);
  });

  test.each([
    ['554 go away\r\n', true],
    ['421 busy\r\n', false],
    ['450 later\r\n', false],
    ['250 what?\r\n', false],
    ['+OK POP3 here\r\n', false],
  ])('greeted with %j', (said, permanent) => {
    const { step } = dialogue().says(said);
    expect(step).toMatchObject({ kind: 'failed', stage: 'greeting', permanent, connection: 'spent' });
  });

  test('EHLO and HELO both refused', () => {
    const { client, says } = dialogue();
    says(greeting);
    says('502 no\r\n');
    const { step } = says('550 5.7.1 no\r\n');
    expect(step).toMatchObject({ kind: 'failed', stage: 'ehlo', permanent: true, reply: { enhanced: '5.7.1' } });
    expect(told(client.quit())).toEqual(['QUIT\r\n', 'wait']);
  });

  test('a name for EHLO that would inject is a fault of ours', () => {
    expect(() => dialogue({ heloName: 'x\r\nMAIL FROM:<>' })).toThrow('EHLO');
  });
});

describe('STARTTLS', () => {
  test.each(['starttls', 'opportunistic'] as const)('%s where it is offered, and EHLO again', (tls) => {
    const { client, says } = dialogue({ tls });
    says(greeting);
    expect(told(says(hello('STARTTLS', 'PIPELINING')))).toEqual(['STARTTLS\r\n', 'wait']);
    expect(told(says('220 go\r\n'))).toEqual(['', 'start-tls']);
    expect(told(client.tlsStarted())).toEqual([ehlo, 'wait']);
    const { step } = says(hello('SIZE'));
    expect(step.kind === 'ready' && [...step.capabilities.keywords.keys()]).toEqual(['SIZE']);
  });

  test('demanded and not offered, or refused', () => {
    const missing = dialogue({ tls: 'starttls' });
    missing.says(greeting);
    const { step } = missing.says(hello('SIZE'));
    expect(step).toMatchObject({ kind: 'failed', stage: 'starttls', reason: 'the server does not offer STARTTLS' });
    const refused = dialogue({ tls: 'starttls' });
    refused.says(greeting);
    refused.says(hello('STARTTLS'));
    expect(refused.says('454 not now\r\n').step).toMatchObject({ stage: 'starttls', permanent: false });
  });

  test('opportunistic goes on without it', () => {
    const missing = dialogue({ tls: 'opportunistic' });
    missing.says(greeting);
    expect(missing.says(hello()).step.kind).toBe('ready');
    const refused = dialogue({ tls: 'opportunistic' });
    refused.says(greeting);
    refused.says(hello('STARTTLS'));
    expect(refused.says('454 not now\r\n').step.kind).toBe('ready');
  });

  test.each(['none', 'implicit'] as const)('%s does not ask for it', (tls) => {
    const { says } = dialogue({ tls });
    says(greeting);
    expect(told(says(hello('STARTTLS')))).toEqual(['', 'ready']);
  });

  test.each([
    ['220 go\r\n250 injected\r\n', ''],
    ['220 go\r\n2', ''],
    ['220 go\r\n', '250 injected\r\n'],
  ])('plain bytes behind the reply are a failure: %j %j', (first, second) => {
    const { says } = dialogue({ tls: 'starttls' });
    says(greeting);
    says(hello('STARTTLS'));
    const turns = [says(first), says(second)];
    expect(turns.map((turn) => turn.step)).toContainEqual(
      expect.objectContaining({ kind: 'failed', stage: 'starttls', connection: 'spent' }),
    );
  });
});

describe('AUTH', () => {
  test('PLAIN with an initial response', () => {
    const { says } = dialogue({ tls: 'implicit', credentials });
    says(greeting);
    expect(told(says(hello('AUTH LOGIN PLAIN')))).toEqual([authLine, 'wait']);
    expect(told(says('235 2.7.0 in\r\n'))).toEqual(['', 'ready']);
  });

  test('after STARTTLS, by what is offered then', () => {
    const { client, says } = dialogue({ tls: 'starttls', credentials });
    says(greeting);
    says(hello('STARTTLS'));
    says('220 go\r\n');
    client.tlsStarted();
    expect(told(says(hello('AUTH PLAIN')))).toEqual([authLine, 'wait']);
  });

  test.each([
    ['535 5.7.8 wrong\r\n', true],
    ['454 4.7.0 later\r\n', false],
  ])('answered with %j', (said, permanent) => {
    const { says } = dialogue({ credentials });
    says(greeting);
    says(hello('AUTH PLAIN'));
    expect(says(said).step).toMatchObject({ kind: 'failed', stage: 'auth', permanent, connection: 'spent' });
  });

  test.each([
    ['the mechanism is not offered', { tls: 'none' as const, credentials }, hello('AUTH LOGIN CRAM-MD5')],
    ['there is no TLS after all', { tls: 'opportunistic' as const, credentials }, hello('AUTH PLAIN')],
    ['a NUL is in it', { credentials: { ...credentials, user: 'a\0b' } }, hello('AUTH PLAIN')],
    ['it is too long', { credentials: { ...credentials, password: 'x'.repeat(10_000) } }, hello('AUTH PLAIN')],
  ])('nothing is sent when %s', (_name, change, offered) => {
    const { says } = dialogue(change);
    says(greeting);
    const turn = says(offered);
    expect(told(turn)).toEqual(['', 'failed']);
    expect(turn.step).toMatchObject({ stage: 'auth', connection: 'spent' });
  });
});

describe('a transaction', () => {
  test('with PIPELINING goes out at once, and each recipient keeps its reply', () => {
    const { client, says } = ready('PIPELINING', 'SIZE');
    const turn = client.startTransaction(envelope);
    expect(turn.output.toString()).toBe(`MAIL FROM:<eve@fabrikam.com> SIZE=100\r\n${rcpts.join('')}`);
    expect(told(says('250 2.1.0 ok\r\n250 2.1.5 ann\r\n'))).toEqual(['', 'wait']);
    const [ann, bob, cid] = [
      { address: 'ann@contoso.com', reply: { code: 250, enhanced: '2.1.5', text: 'ann' } },
      { address: 'bob@contoso.com', reply: { code: 550, enhanced: '5.1.1', text: 'bob?' } },
      { address: 'cid@contoso.com', reply: { code: 452, enhanced: '4.5.3', text: 'cid\nalone' } },
    ];
    expect(says('550 5.1.1 bob?\r\n452-4.5.3 cid\r\n452 4.5.3 alone\r\n').step).toEqual({
      kind: 'recipients',
      replies: [ann, bob, cid],
      refused: [bob, cid],
      connection: 'usable',
    });
  });

  test('without PIPELINING goes one by one', () => {
    const { client, says } = ready();
    expect(told(client.startTransaction(envelope))).toEqual(['MAIL FROM:<eve@fabrikam.com>\r\n', 'wait']);
    expect(told(says('250 ok\r\n'))).toEqual([rcpts[0], 'wait']);
    expect(told(says('550 no\r\n'))).toEqual([rcpts[1], 'wait']);
    expect(told(says('251 will forward\r\n'))).toEqual([rcpts[2], 'wait']);
    const { step } = says('250 ok\r\n');
    expect(step.kind === 'recipients' && step.replies.map(({ reply }) => reply.code)).toEqual([550, 251, 250]);
  });

  test('from MAIL to the reply to the message, twice on one connection', () => {
    const { client, says } = ready('PIPELINING');
    for (const round of [1, 2]) {
      client.startTransaction({ ...envelope, to: to('ann@contoso.com') });
      expect(says('250 ok\r\n250 ok\r\n').step.kind).toBe('recipients');
      expect(told(client.startData())).toEqual(['DATA\r\n', 'wait']);
      expect(told(says('354 go\r\n'))).toEqual(['', 'send-body']);
      expect(told(client.bodySent())).toEqual(['', 'wait']);
      const reply = { code: 250, enhanced: '2.0.0', text: `queued as ${round}` };
      expect(says(`250 2.0.0 queued as ${round}\r\n`).step).toEqual({ kind: 'finished', reply });
    }
  });

  test('a refused sender: the replies to the recipients sent along are read and dropped', () => {
    const { client, says } = ready('PIPELINING');
    client.startTransaction(envelope);
    expect(told(says('550 5.7.1 not you\r\n503 no MAIL\r\n503 no MAIL\r\n'))).toEqual(['', 'wait']);
    expect(says('503 no MAIL\r\n').step).toMatchObject({
      kind: 'failed',
      stage: 'mail',
      permanent: true,
      reply: { code: 550, enhanced: '5.7.1' },
      connection: 'usable',
    });
    client.startTransaction({ ...envelope, to: to('ann@contoso.com') });
    expect(says('250 ok\r\n250 this is for ann\r\n').step).toMatchObject({
      kind: 'recipients',
      replies: [{ reply: { text: 'this is for ann' } }],
    });
  });

  test('a refused sender without PIPELINING: no recipient is named', () => {
    const { client, says } = ready();
    client.startTransaction(envelope);
    const turn = says('451 4.3.0 later\r\n');
    expect(told(turn)).toEqual(['', 'failed']);
    expect(turn.step).toMatchObject({ stage: 'mail', permanent: false, connection: 'usable' });
  });

  test('recipients that cannot be written get our own reply, the others are sent', () => {
    const { client, says } = ready();
    client.startTransaction({ ...envelope, to: to('x\r\nDATA', 'ann@contoso.com') });
    expect(told(says('250 ok\r\n'))).toEqual(['RCPT TO:<ann@contoso.com>\r\n', 'wait']);
    expect(says('250 ok\r\n').step).toMatchObject({
      replies: [{ address: 'x\r\nDATA' }, { address: 'ann@contoso.com', reply: { code: 250 } }],
      refused: [{ address: 'x\r\nDATA', reply: { code: 553 } }],
    });
  });

  test('nobody who can be written to: no recipient is named', () => {
    const { client, says } = ready('PIPELINING');
    const turn = client.startTransaction({ ...envelope, to: to('a b@contoso.com') }, { withData: true });
    expect(told(turn)).toEqual(['MAIL FROM:<eve@fabrikam.com>\r\n', 'wait']);
    expect(says('250 ok\r\n').step).toMatchObject({ refused: [{ reply: { code: 553 } }], connection: 'usable' });
    expect(() => client.startData()).toThrow('without recipients');
    expect(told(client.abortTransaction())).toEqual(['RSET\r\n', 'wait']);
  });

  test.each([
    [{ from: 'a\r\nRCPT TO:<x@y>' }, 'message', 553],
    [{ envid: 'x y' }, 'message', 501],
    [{ smtputf8: true }, 'server', 550],
    [{ body8bit: true }, 'server', 554],
  ])('what cannot be asked of this server is said before a byte is written: %j', (change, scope, code) => {
    const { client } = ready();
    const turn = client.startTransaction({ ...envelope, ...change });
    expect(turn).toMatchObject({ output: Buffer.alloc(0), step: { kind: 'unsendable', scope, reply: { code } } });
    expect(client.startTransaction(envelope).step.kind).toBe('wait');
  });

  test('given up with RSET', () => {
    const { client, says } = withRecipient();
    expect(told(client.abortTransaction())).toEqual(['RSET\r\n', 'wait']);
    expect(told(says('250 ok\r\n'))).toEqual(['', 'ready']);
    client.abortTransaction();
    expect(says('500 no\r\n').step).toMatchObject({ kind: 'failed', stage: 'rset', connection: 'spent' });
  });

  test('DATA refused: the transaction is given up before the next', () => {
    const { client, says } = withRecipient();
    client.startData();
    expect(says('451 4.3.2 no room\r\n').step).toMatchObject({ stage: 'data', permanent: false, connection: 'usable' });
    expect(() => client.startTransaction(envelope)).toThrow('stale');
    client.abortTransaction();
    expect(says('250 ok\r\n').step.kind).toBe('ready');
  });

  test('DATA answered with neither yes nor no', () => {
    const { client, says } = withRecipient();
    client.startData();
    expect(says('250 ok\r\n').step).toMatchObject({ kind: 'failed', stage: 'data', connection: 'spent' });
  });

  test('the message refused, and another one sent', () => {
    const { client, says } = withRecipient();
    client.startData();
    says('354 go\r\n');
    client.bodySent();
    expect(says('554 5.6.0 spam\r\n').step).toMatchObject({
      kind: 'failed',
      stage: 'body',
      permanent: true,
      reason: '554 5.6.0 spam',
      connection: 'usable',
    });
    expect(client.startTransaction(envelope).step.kind).toBe('wait');
  });

  test.each(['552 5.3.4 too big\r\n', '421 4.3.2 going down\r\n'])(
    'answered %j before the end of the message',
    (said) => {
      const { client, says } = withRecipient();
      client.startData();
      says('354 go\r\n');
      const { step } = says(said);
      expect(step).toMatchObject({ kind: 'failed', stage: 'body', reason: said.trim(), connection: 'spent' });
      const late = withRecipient();
      late.client.startData();
      expect(late.says(`354 go\r\n${said}`).step.kind).toBe('send-body');
      expect(late.client.hasUnread).toBe(true);
      expect(late.client.bodySent().step).toEqual(step);
      const heard = withRecipient();
      heard.client.startData();
      heard.says(`354 go\r\n${said}`);
      expect(heard.client.receive().step).toEqual(step);
    },
  );
});

describe('replies nobody asked for', () => {
  test.each(['250 ok\r\n', '250-half', '421 4.4.2 idle too long\r\n', 'nonsense\r\n'])(
    '%j behind another reply',
    (extra) => {
      const { client, says } = dialogue();
      says(greeting);
      expect(says(hello() + extra).step.kind).toBe('ready');
      expect(client.startTransaction(envelope).step).toMatchObject({
        kind: 'failed',
        stage: 'idle',
        connection: 'spent',
      });
    },
  );

  test('the end of the session between messages', () => {
    const { says } = ready();
    expect(says('421 4.4.2 idle too long\r\n').step).toMatchObject({
      stage: 'idle',
      permanent: false,
      reply: { code: 421 },
    });
    expect(told(says('250 whatever\r\n'))).toEqual(['', 'wait']);
  });

  test('421 among the recipients', () => {
    const { client, says } = ready('PIPELINING');
    client.startTransaction(envelope);
    expect(says('250 ok\r\n421 bye\r\n').step).toMatchObject({ stage: 'rcpt', permanent: false, connection: 'spent' });
  });

  test('354 to MAIL', () => {
    const { client, says } = ready();
    client.startTransaction(envelope);
    expect(says('354 go\r\n').step).toMatchObject({ kind: 'failed', connection: 'spent' });
  });
});

describe('a connection lost', () => {
  const server = [greeting, hello('STARTTLS', 'AUTH PLAIN'), '220 go\r\n', hello('AUTH PLAIN'), '235 in\r\n'];
  const talk = ['250 ok\r\n', '250 ok\r\n', '354 go\r\n', '250 queued\r\n'];

  function playTo(count: number): SmtpServerDialogue {
    const { client, says } = dialogue({ tls: 'starttls', credentials });
    for (const line of [...server, ...talk].slice(0, count)) {
      const { step } = says(line);
      if (step.kind === 'start-tls') client.tlsStarted();
      if (step.kind === 'ready') client.startTransaction({ ...envelope, to: to('ann@contoso.com') });
      if (step.kind === 'recipients') client.startData();
      if (step.kind === 'send-body') client.bodySent();
    }
    return client;
  }

  test.each([
    [0, 'greeting'],
    [1, 'ehlo'],
    [2, 'starttls'],
    [3, 'ehlo'],
    [4, 'auth'],
    [5, 'mail'],
    [6, 'rcpt'],
    [7, 'data'],
    [8, 'body'],
    [9, 'idle'],
  ])('after %i replies fails in %s', (count, stage) => {
    const { step } = playTo(count).closed('no answer for 30 s');
    expect(step).toEqual({
      kind: 'failed',
      stage,
      permanent: false,
      reply: null,
      reason: 'no answer for 30 s',
      connection: 'spent',
    });
  });

  test('during the handshake, the body, and RSET', () => {
    const handshake = dialogue({ tls: 'starttls' });
    for (const line of server.slice(0, 3)) handshake.says(line);
    expect(handshake.client.closed().step).toMatchObject({ stage: 'starttls' });
    const sending = withRecipient();
    sending.client.startData();
    sending.says('354 go\r\n');
    expect(sending.client.closed().step).toMatchObject({ stage: 'body', reason: 'the server closed the connection' });
    const reset = withRecipient();
    reset.client.abortTransaction();
    expect(reset.client.closed().step).toMatchObject({ stage: 'rset' });
  });

  test('after the refusal of the sender was heard, the refusal is told', () => {
    const { client, says } = ready('PIPELINING');
    client.startTransaction(envelope);
    says('550 5.7.1 not you\r\n');
    expect(client.closed().step).toMatchObject({ permanent: true, reply: { enhanced: '5.7.1' } });
  });

  test('after goodbye is no failure', () => {
    const { client } = ready();
    client.quit();
    expect(client.closed().step).toEqual({ kind: 'closed' });
  });
});

/** Answers every step as a driver would; what was written and every step but `wait`. */
function drive(chunks: readonly Buffer[]): { written: string; steps: ServerStep[] } {
  const client = new SmtpServerDialogue({ ...options, tls: 'opportunistic' });
  let written = '';
  const steps: ServerStep[] = [];
  const follow = (turn: ServerTurn): void => {
    written += turn.output.toString();
    const { step } = turn;
    if (step.kind !== 'wait') steps.push(step);
    if (step.kind === 'ready') follow(client.startTransaction(envelope));
    if (step.kind === 'recipients' && step.refused.length < step.replies.length) follow(client.startData());
  };
  for (const chunk of chunks) follow(client.receive(chunk));
  return { written, steps };
}

test('any chunking of one reply after the other gives the same dialogue', () => {
  const replies = fc.constantFrom(
    '250 ok\r\n',
    '550 5.1.1 no\r\n',
    '354 go\r\n',
    '451 later\r\n',
    '250-a\r\n250 b\r\n',
  );
  fc.assert(
    fc.property(fc.array(replies, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 6 }), (rest, places) => {
      const lines = [greeting, hello('PIPELINING'), ...rest].map((line) => Buffer.from(line));
      const pieces = lines.flatMap((line) => cut(line, places));
      expect(drive(pieces)).toEqual(drive(lines));
    }),
  );
});

test('whatever the server sends, nothing is thrown and no recipient is taken for accepted without a reply', () => {
  const words = fc.constantFrom(
    '220 ',
    '250 ',
    '250-',
    '354 ',
    '421 ',
    '550 ',
    'PIPELINING',
    'STARTTLS',
    '\r\n',
    'ok\r\n',
    '\0',
  );
  const chunks = fc.array(
    fc.oneof(
      fc.array(words, { maxLength: 6 }).map((parts) => Buffer.from(parts.join(''))),
      fc.uint8Array().map((b) => Buffer.from(b)),
    ),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(chunks, (said) => {
      const { steps } = drive([Buffer.from(greeting), Buffer.from(hello('PIPELINING')), ...said]);
      const answered = steps.flatMap((step) => (step.kind === 'recipients' ? [step] : []));
      for (const { replies, refused } of answered) {
        const accepted = replies.filter((reply) => !refused.includes(reply));
        expect(accepted.every((one) => one.reply.code >= 200 && one.reply.code < 300)).toBe(true);
        expect(replies.map(({ address }) => address)).toEqual(envelope.to.map(({ address }) => address));
      }
    }),
  );
});
