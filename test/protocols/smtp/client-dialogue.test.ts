import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SmtpClientDialogue } from '../../../src/protocols/smtp/client-dialogue.js';
import type { SmtpClientOptions } from '../../../src/protocols/smtp/client-options.js';
import { ClientPlay, consent, defaults, type Judge, refuse, taken } from './play-client.js';

const hello = 'EHLO client.example\r\n';
const envelope = 'MAIL FROM:<eve@fabrikam.com>\r\nRCPT TO:<ann@contoso.com>\r\n';

/** A client behind its EHLO. */
function greeted(options: Partial<SmtpClientOptions> = {}, judge?: Judge): ClientPlay {
  const play = new ClientPlay(options, judge);
  play.send(hello);
  return play;
}

/** A client with a sender and a recipient. */
function ready(options: Partial<SmtpClientOptions> = {}, judge?: Judge): ClientPlay {
  const play = greeted(options, judge);
  play.send(envelope);
  return play;
}

/** The replies to some lines, without the steps. */
function repliesOf(play: ClientPlay, bytes: string): string[] {
  return play.send(bytes).filter((line) => !line.startsWith('-> '));
}

describe('the greeting', () => {
  test('is an ordinary one, or the banner', () => {
    expect(new ClientPlay().log).toEqual(['220 mx.contoso.com ESMTP usher']);
    expect(new ClientPlay({ banner: '220 Contoso mail' }).log).toEqual(['220 Contoso mail']);
  });

  test('EHLO lists what is on offer', () => {
    const options: Partial<SmtpClientOptions> = { xclient: ['ADDR', 'HELO'] };
    expect(new ClientPlay(options).send(hello)).toEqual([
      '-> EHLO client.example',
      '250-mx.contoso.com Hello',
      '250-SIZE 1000',
      '250-PIPELINING',
      '250-8BITMIME',
      '250-ENHANCEDSTATUSCODES',
      '250-DSN',
      '250-SMTPUTF8',
      '250-CHUNKING',
      '250-STARTTLS',
      '250-AUTH PLAIN LOGIN',
      '250 XCLIENT ADDR HELO',
    ]);
  });

  test('and nothing that is not', () => {
    const bare: Partial<SmtpClientOptions> = {
      tls: 'absent',
      mechanisms: { plain: [], secure: ['PLAIN'] },
      sizeMax: null,
      extensions: { smtputf8: false, dsn: false, chunking: false },
    };
    expect(repliesOf(new ClientPlay(bare), hello).slice(1)).toEqual([
      '250-SIZE',
      '250-PIPELINING',
      '250-8BITMIME',
      '250 ENHANCEDSTATUSCODES',
    ]);
    expect(repliesOf(new ClientPlay({ ...bare, tls: 'active' }), hello)).toContain('250 AUTH PLAIN');
    expect(repliesOf(new ClientPlay({ needsTls: true }), hello)).not.toContain('250-AUTH PLAIN LOGIN');
  });

  test('HELO has one line', () => {
    expect(new ClientPlay().send('HELO client.example\r\n')).toEqual([
      '-> HELO client.example',
      '250 mx.contoso.com Hello',
    ]);
  });

  test('what the driver says to it', () => {
    const words: Judge = (step) => (step.kind === 'hello' ? { code: 250, enhanced: null, text: 'Servus' } : null);
    expect(repliesOf(new ClientPlay({}, words), hello)[0]).toBe('250-Servus');
    const refused = new ClientPlay({}, refuse('hello', 550, '5.7.1'));
    expect(refused.send(`${hello}MAIL FROM:<>\r\n`)).toEqual([
      '-> EHLO client.example',
      '550 5.7.1 no',
      '503 5.5.2 Send hello first',
    ]);
    expect(refused.dialogue.greeting).toEqual({ helo: null, verb: null, channel: 'plain' });
  });

  test('the driver can ask for it', () => {
    expect(greeted().dialogue.greeting).toEqual({ helo: 'client.example', verb: 'EHLO', channel: 'plain' });
  });

  test('a second one ends the transaction, a refused one does not', () => {
    const play = ready();
    expect(play.dialogue.hasTransaction).toBe(true);
    play.send('HELO again\r\n');
    expect(play.dialogue.hasTransaction).toBe(false);
    const other = ready({}, (step) =>
      step.kind === 'hello' && step.verb === 'HELO' ? { code: 550, enhanced: null, text: 'no' } : consent(step),
    );
    other.send('HELO again\r\n');
    expect(other.dialogue.hasTransaction).toBe(true);
    expect(other.dialogue.greeting.verb).toBe('EHLO');
  });
});

describe('commands, by state', () => {
  test.each([
    ['MAIL FROM:<a@b.c>', '503 5.5.2 Send hello first'],
    ['RCPT TO:<a@b.c>', '503 5.5.2 Send hello first'],
    ['DATA', '503 5.5.2 Send hello first'],
    ['BDAT 0 LAST', '503 5.5.2 Send hello first'],
    ['AUTH PLAIN', '503 5.5.2 Send hello first'],
    ['STARTTLS', '503 5.5.2 Send hello first'],
    ['EHLO', '501 5.5.4 Invalid domain name'],
    ['HELO ', '501 5.5.4 Invalid domain name'],
    [`EHLO ${'x'.repeat(256)}`, '501 5.5.4 Invalid domain name'],
    ['NOOP', '250 2.0.0 OK'],
    ['noop with words', '250 2.0.0 OK'],
    ['RSET', '250 2.0.0 OK'],
    ['HELP', '214 2.0.0 See RFC 5321'],
    ['VRFY ann', '252 2.5.0 Cannot VRFY the user, but will take mail for an attempt'],
    ['XCLIENT ADDR=10.0.0.1', '500 5.3.3 Unrecognized command'],
    ['FOO', '500 5.3.3 Unrecognized command'],
    ['', '500 5.3.3 Unrecognized command'],
    [' NOOP', '500 5.3.3 Unrecognized command'],
    ['MAILFROM:<a@b.c>', '500 5.3.3 Unrecognized command'],
  ])('before a greeting %j: %s', (line, reply) => {
    expect(new ClientPlay().send(`${line}\r\n`)).toEqual([reply]);
  });

  test.each([
    ['RCPT TO:<a@b.c>', '503 5.5.1 Send MAIL first'],
    ['DATA', '503 5.5.1 Send MAIL first'],
    ['BDAT 0 LAST', '503 5.5.1 Send MAIL first'],
    ['MAIL', '501 5.5.4 Syntax error in the arguments'],
    ['MAIL FROM', '501 5.5.4 Syntax error in the arguments'],
    ['MAIL TO:<a@b.c>', '501 5.5.4 Syntax error in the arguments'],
    ['VRFY', '501 5.5.4 Syntax error in the arguments'],
    ['EXPN list', '502 5.5.1 EXPN is not available'],
    ['RSET now', '501 5.5.4 The command takes no arguments'],
    ['QUIT now', '501 5.5.4 The command takes no arguments'],
    ['STARTTLS now', '501 5.5.4 The command takes no arguments'],
    ['NO\0OP', '500 5.5.2 The command holds control characters or a bare CR or LF'],
    ['NOOP \x1b[2J', '500 5.5.2 The command holds control characters or a bare CR or LF'],
    ['NOOP\tx', '500 5.5.2 The command holds control characters or a bare CR or LF'],
    ['NOOP\nRSET', '500 5.5.2 The command holds control characters or a bare CR or LF'],
    ['NOOP\rRSET', '500 5.5.2 The command holds control characters or a bare CR or LF'],
    ['NOOP\r', '500 5.5.2 The command holds control characters or a bare CR or LF'],
    ['NOOP \xff', '500 5.5.2 The command is not UTF-8'],
    [`NOOP ${'x'.repeat(2042)}`, '500 5.5.6 The line is too long'],
    [`NOOP ${'x'.repeat(60_000)}`, '500 5.5.6 The line is too long'],
  ])('after EHLO %j: %s', (line, reply) => {
    const play = greeted();
    expect(play.send(`${line}\r\nNOOP\r\n`)).toEqual([reply, '250 2.0.0 OK']);
  });

  test.each([
    ['MAIL FROM:<a@b.c>', '503 5.5.1 Not allowed within a mail transaction'],
    ['AUTH PLAIN', '503 5.5.1 Not allowed within a mail transaction'],
    ['DATA', '503 5.5.1 Send RCPT first'],
    ['BDAT 0 LAST', '503 5.5.1 Send RCPT first'],
    ['DATA now', '501 5.5.4 The command takes no arguments'],
    ['RCPT FROM:<a@b.c>', '501 5.5.4 Syntax error in the arguments'],
  ])('after MAIL %j: %s', (line, reply) => {
    const play = greeted();
    play.send('MAIL FROM:<>\r\n');
    expect(play.send(`${line}\r\n`)).toEqual([reply]);
    expect(play.dialogue.hasTransaction).toBe(true);
  });

  test('after HELO there are no extensions', () => {
    const play = new ClientPlay();
    play.send('HELO client\r\n');
    expect(
      repliesOf(play, 'AUTH PLAIN\r\nSTARTTLS\r\nMAIL FROM:<a@b.c> SIZE=1\r\nBDAT 4 LAST\r\nQUITMAIL FROM:<a@b.c>\r\n'),
    ).toEqual([
      '503 5.5.1 Send EHLO first',
      '503 5.5.1 Send EHLO first',
      '555 5.5.4 MAIL or RCPT parameter not supported',
      '503 5.5.1 Send EHLO first',
      '250 2.1.0 Sender OK',
    ]);
  });

  test('where TLS is needed nothing else is heard', () => {
    const play = greeted({ needsTls: true });
    const tlsFirst = '530 5.7.0 Must issue a STARTTLS command first';
    const lines = ['MAIL FROM:<a@b.c>', 'RCPT TO:<a@b.c>', 'DATA', 'BDAT 0', 'AUTH PLAIN', 'VRFY a', 'EXPN a'];
    for (const line of lines) expect(play.send(`${line}\r\n`)).toEqual([tlsFirst]);
    expect(repliesOf(play, 'NOOP\r\nRSET\r\nHELP\r\nFOO\r\nHELO x\r\n').map((line) => line.slice(0, 3))).toEqual([
      '250',
      '250',
      '214',
      '500',
      '250',
    ]);
    play.send(`${hello}STARTTLS\r\n`);
    expect(repliesOf(play, `${hello}${envelope}`).slice(-2)).toEqual(['250 2.1.0 Sender OK', '250 2.1.5 Recipient OK']);
  });

  test('QUIT is the last', () => {
    const play = greeted();
    expect(play.send('quit\r\nNOOP\r\n')).toEqual([
      '221 2.0.0 Service closing transmission channel',
      '-> close: the client said QUIT',
    ]);
    expect(play.send('NOOP\r\n')).toEqual([]);
  });

  test('a bare LF is no end of a command', () => {
    const play = greeted();
    expect(play.send('NOOP\n')).toEqual([]);
    expect(play.send('NOOP\n\r\n')).toEqual(['500 5.5.2 The command holds control characters or a bare CR or LF']);
  });

  test('a line without an end ends the connection', () => {
    const play = greeted();
    for (let sent = 0; sent < 64; sent += 1) expect(play.send('x'.repeat(1024))).toEqual([]);
    expect(play.heldMax).toBeLessThan(4096);
    expect(play.send('x')).toEqual(['500 5.5.6 The line is too long', '-> close: a line without an end']);
  });

  test('too many protocol errors end the connection', () => {
    const play = new ClientPlay({ protocolErrorsMax: 3 });
    expect(
      play.send('FOO\r\nEHLO\r\nDATA\r\nNOOP\r\nVRFY x\r\nFOO\r\nNOOP\r\n').map((line) => line.slice(0, 9)),
    ).toEqual(['500 5.3.3', '501 5.5.4', '503 5.5.2', '250 2.0.0', '252 2.5.0', '500 5.3.3', '421 4.7.0', '-> close:']);
  });
});

describe('addresses and parameters', () => {
  test.each([
    ['FROM:<>', '<>'],
    ['from:<ann@contoso.com>', '<ann@contoso.com>'],
    ['FROM:  <ann@contoso.com>  ', '<ann@contoso.com>'],
    ['FROM:<@a.example,@b.example:ann@contoso.com>', '<ann@contoso.com>'],
    ['FROM:<@[10.0.0.1]:ann@contoso.com>', '<ann@contoso.com>'],
    ['FROM:<"ann <@> \\" smith"@contoso.com>', '<"ann <@> \\" smith"@contoso.com>'],
    ['FROM:<ann@[IPv6:2001:db8::1]>', '<ann@[IPv6:2001:db8::1]>'],
    ['FROM:<ann>', '<ann>'],
    [`FROM:<${'x'.repeat(990)}@b.c>`, `<${'x'.repeat(990)}@b.c>`],
    ['FROM:<a@b> SIZE=1000', '<a@b> SIZE=1000'],
    ['FROM:<a@b>   size=9007199254740991  body=8bitmime', '<a@b> SIZE=9007199254740991 BODY=8bitmime'],
    ['FROM:<a@b> BODY=7BIT AUTH=<>', '<a@b> BODY=7BIT AUTH=<>'],
    ['FROM:<a@b> AUTH=e+3Dmc2@example.com', '<a@b> AUTH=e+3Dmc2@example.com'],
    ['FROM:<a@b> RET=HDRS ENVID=QQ+2B314159', '<a@b> RET=HDRS ENVID=QQ+2B314159'],
    ['FROM:<a@b> SMTPUTF8', '<a@b> SMTPUTF8'],
  ])('MAIL %s', (argument, expected) => {
    expect(greeted().send(`MAIL ${argument}\r\n`)).toEqual([`-> mail ${expected}`, '250 2.1.0 Sender OK']);
  });

  test.each([
    ['FROM:ann@contoso.com', '501 5.1.7'],
    ['FROM:<ann@contoso.com', '501 5.1.7'],
    ['FROM:<ann contoso.com>', '501 5.1.7'],
    ['FROM:<"ann@contoso.com>', '501 5.1.7'],
    ['FROM:<<ann@contoso.com>>', '501 5.1.7'],
    ['FROM:<ann\\@contoso.com>', '501 5.1.7'],
    ['FROM:<@a.example>', '501 5.1.7'],
    ['FROM:<ann@>', '501 5.1.7'],
    [`FROM:<${'x'.repeat(1000)}@b.c>`, '501 5.1.7'],
    ['FROM:<a@b>SIZE=1', '501 5.5.4'],
    ['FROM:<a@b> SIZE', '501 5.5.4'],
    ['FROM:<a@b> SIZE=', '501 5.5.4'],
    ['FROM:<a@b> SIZE=-1', '501 5.5.4'],
    ['FROM:<a@b> SIZE=1e3', '501 5.5.4'],
    ['FROM:<a@b> SIZE=123456789012345678901', '501 5.5.4'],
    ['FROM:<a@b> SIZE=9007199254740993', '552 5.3.4'],
    ['FROM:<a@b> SIZE=1 SIZE=1', '501 5.5.4'],
    ['FROM:<a@b> BODY=BINARYMIME', '501 5.5.4'],
    ['FROM:<a@b> BODY', '501 5.5.4'],
    ['FROM:<a@b> SMTPUTF8=1', '501 5.5.4'],
    ['FROM:<a@b> AUTH=', '501 5.5.4'],
    ['FROM:<a@b> AUTH=a+b', '501 5.5.4'],
    ['FROM:<a@b> RET=ALL', '501 5.5.4'],
    ['FROM:<a@b> ENVID=a+0', '501 5.5.4'],
    [`FROM:<a@b> ENVID=${'x'.repeat(101)}`, '501 5.5.4'],
    ['FROM:<a@b> NOTIFY=NEVER', '555 5.5.4'],
    ['FROM:<a@b> XFOO', '555 5.5.4'],
    ['FROM:<a@b> __proto__=1', '501 5.5.4'],
    ['FROM:<a@b> =1', '501 5.5.4'],
    ['FROM:<a@b> CONSTRUCTOR', '555 5.5.4'],
  ])('MAIL %s: %s', (argument, expected) => {
    const replies = greeted().send(`MAIL ${argument}\r\n`);
    expect(replies).toEqual([expect.stringContaining(`${expected} `)]);
  });

  test.each(['SMTPUTF8', 'RET=FULL', 'ENVID=x', 'AUTH=<>'])('%s where it is not offered', (parameter) => {
    const play = greeted({
      extensions: { smtputf8: false, dsn: false, chunking: false },
      mechanisms: { plain: [], secure: [] },
    });
    expect(play.send(`MAIL FROM:<a@b> ${parameter}\r\n`)).toEqual(['555 5.5.4 MAIL or RCPT parameter not supported']);
  });

  test.each([
    ['TO:<a@b> NOTIFY=NEVER', '<a@b> NOTIFY=NEVER'],
    [
      'TO:<a@b> notify=SUCCESS,FAILURE,DELAY ORCPT=rfc822;a+2B@b',
      '<a@b> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;a+2B@b',
    ],
    ['TO:<Postmaster>', '<Postmaster>'],
    ['TO: <@x:a@b>', '<a@b>'],
  ])('RCPT %s', (argument, expected) => {
    const play = greeted();
    play.send('MAIL FROM:<>\r\n');
    expect(play.send(`RCPT ${argument}\r\n`)).toEqual([`-> recipient ${expected}`, '250 2.1.5 Recipient OK']);
  });

  test.each([
    ['TO:<>', '501 5.1.3'],
    ['TO:a@b', '501 5.1.3'],
    ['TO:<a@b> NOTIFY=NEVER,SUCCESS', '501 5.5.4'],
    ['TO:<a@b> NOTIFY=', '501 5.5.4'],
    ['TO:<a@b> NOTIFY=SOMETIMES', '501 5.5.4'],
    ['TO:<a@b> ORCPT=a@b', '501 5.5.4'],
    ['TO:<a@b> ORCPT=rfc822;', '501 5.5.4'],
    ['TO:<a@b> ORCPT=rfc822;a+b', '501 5.5.4'],
    ['TO:<a@b> ORCPT=rfc822;a ORCPT=rfc822;a', '501 5.5.4'],
    ['TO:<a@b> SIZE=1', '555 5.5.4'],
  ])('RCPT %s: %s', (argument, expected) => {
    const play = greeted();
    play.send('MAIL FROM:<>\r\n');
    expect(play.send(`RCPT ${argument}\r\n`)).toEqual([expect.stringContaining(`${expected} `)]);
  });

  test('addresses in UTF-8 need SMTPUTF8', () => {
    const utf8 = (text: string): string => Buffer.from(text).toString('latin1');
    const play = greeted();
    expect(play.send(utf8('MAIL FROM:<jörg@contoso.com>\r\n'))).toEqual([expect.stringMatching(/^553 5\.6\.7 /)]);
    play.send('MAIL FROM:<ann@contoso.com>\r\n');
    expect(play.send(utf8('RCPT TO:<jörg@contoso.com>\r\n'))).toEqual([expect.stringMatching(/^553 5\.6\.7 /)]);
    play.send('RSET\r\n');
    const wanted = utf8(
      'MAIL FROM:<jörg@contoso.com> SMTPUTF8\r\nRCPT TO:<用户@例子.公司> ORCPT=utf-8;用户@例子.公司\r\n',
    );
    expect(play.send(wanted)).toEqual([
      '-> mail <jörg@contoso.com> SMTPUTF8',
      '250 2.1.0 Sender OK',
      '-> recipient <用户@例子.公司> ORCPT=utf-8;用户@例子.公司',
      '250 2.1.5 Recipient OK',
    ]);
    expect(play.send('RCPT TO:<j\xf6rg@contoso.com>\r\n')).toEqual(['500 5.5.2 The command is not UTF-8']);
    expect(play.send(utf8('RCPT TO:<a@b> ORCPT=rfc822;jörg@b\r\n'))).toEqual(['501 5.5.4 Invalid parameter']);
  });

  test('very long and strange arguments take no long time', () => {
    const begin = performance.now();
    for (const unit of ['@a,', '@a:', '"', '""', '\\', '<', '@', '",', 'a=', ' ']) {
      const play = greeted();
      play.send(`MAIL FROM:<${unit.repeat(1000)}\r\nMAIL FROM:<a@b> ${unit.repeat(1000)}\r\n`);
    }
    expect(performance.now() - begin).toBeLessThan(500);
  });
});

describe('transactions', () => {
  test('a message', () => {
    const play = ready();
    expect(play.send('DATA\r\n')).toEqual(['-> data', '354 Start mail input; end with <CRLF>.<CRLF>']);
    expect(play.send('Subject: x\r\n\r\n..hello\r\n.\r\n')).toEqual([
      '-> body Subject: x\r\n\r\n.hello\r\n',
      '-> end-of-body',
      '250 2.6.0 taken',
    ]);
    expect(play.dialogue.hasTransaction).toBe(false);
    expect(repliesOf(play, `DATA\r\n${envelope}`)).toEqual([
      '503 5.5.1 Send MAIL first',
      '250 2.1.0 Sender OK',
      '250 2.1.5 Recipient OK',
    ]);
  });

  test('an empty message, and one that was refused', () => {
    const play = ready({}, refuse('end-of-body', 550, '5.7.1'));
    expect(play.send('DATA\r\n.\r\n').slice(2)).toEqual(['-> end-of-body', '550 5.7.1 no']);
    expect(play.dialogue.hasTransaction).toBe(false);
  });

  test('a refused sender leaves no transaction', () => {
    const play = ready({}, refuse('mail', 550, '5.7.1'));
    expect(play.log.slice(-2)).toEqual(['550 5.7.1 no', '503 5.5.1 Send MAIL first']);
    expect(play.dialogue.hasTransaction).toBe(false);
  });

  test('a refused recipient leaves it, and with nobody else there is no DATA', () => {
    const play = ready({}, (step) =>
      step.kind === 'recipient' && step.command.address.startsWith('ann')
        ? { code: 550, enhanced: '5.1.1', text: 'no' }
        : consent(step),
    );
    expect(play.dialogue.hasTransaction).toBe(true);
    expect(play.send('DATA\r\nBDAT 4 LAST\r\nQUIT')).toEqual([
      '554 5.5.1 No valid recipients',
      '554 5.5.1 No valid recipients',
    ]);
    expect(repliesOf(play, 'RCPT TO:<bob@contoso.com>\r\nDATA\r\n').map((line) => line.slice(0, 3))).toEqual([
      '250',
      '354',
    ]);
  });

  test('refused data leave it', () => {
    const play = ready({}, refuse('data', 451, '4.3.0'));
    expect(play.send('DATA\r\n')).toEqual(['-> data', '451 4.3.0 no']);
    expect(play.dialogue.hasTransaction).toBe(true);
  });

  test('RSET ends it', () => {
    const play = ready();
    expect(play.send('RSET\r\nRCPT TO:<a@b>\r\n')).toEqual(['250 2.0.0 OK', '503 5.5.1 Send MAIL first']);
    expect(play.dialogue.hasTransaction).toBe(false);
  });

  test('the driver may choose its words, also for 354', () => {
    const play = ready({}, (step) => {
      if (step.kind === 'data') return { code: 354, enhanced: null, text: 'go' };
      return step.kind === 'recipient' ? { code: 251, enhanced: '2.1.5', text: 'will forward' } : consent(step);
    });
    expect(repliesOf(play, 'RCPT TO:<bob@contoso.com>\r\nDATA\r\n')).toEqual(['251 2.1.5 will forward', '354 go']);
  });

  test('a 421 of the driver is the last', () => {
    const play = greeted({}, refuse('recipient', 421, '4.3.2'));
    expect(play.send(`${envelope}NOOP\r\n`).slice(-3)).toEqual([
      '-> recipient <ann@contoso.com>',
      '421 4.3.2 no',
      '-> close: no',
    ]);
  });
});

describe('message ends', () => {
  const marks = [
    '\n.\n',
    '\r.\r',
    '\n.\r\n',
    '\r\n.\n',
    '\r.\r\n',
    '\r\n.\r',
    '\r\r\n.\r\r\n',
    '\r\n\0.\r\n',
    '\r\n.\0\r\n',
    '\n\r.\n\r',
    '\r\n.\r\r\n',
  ];

  test.each(marks)('%j smuggles no command', (mark) => {
    const play = ready();
    const message = `text${mark}MAIL FROM:<admin@contoso.com>\r\nRCPT TO:<bob@contoso.com>\r\nDATA\r\nsmuggled\r\n.\r\n`;
    const log = play.send(`DATA\r\n${message}`);
    expect(log.filter((line) => line.startsWith('-> mail'))).toEqual([]);
    expect(log.filter((line) => line.startsWith('-> end-of-body'))).toHaveLength(1);
    expect(log[2]).toContain('MAIL FROM:<admin@contoso.com>');
  });

  test('behind the end mark commands go on, in one chunk too', () => {
    const play = ready();
    expect(
      play.send(`DATA\r\nx\r\n.\r\n${envelope}DATA\r\ny\r\n.\r\nQUIT\r\n`).filter((line) => !line.startsWith('25')),
    ).toEqual([
      '-> data',
      '354 Start mail input; end with <CRLF>.<CRLF>',
      '-> body x\r\n',
      '-> end-of-body',
      '-> mail <eve@fabrikam.com>',
      '-> recipient <ann@contoso.com>',
      '-> data',
      '354 Start mail input; end with <CRLF>.<CRLF>',
      '-> body y\r\n',
      '-> end-of-body',
      '221 2.0.0 Service closing transmission channel',
      '-> close: the client said QUIT',
    ]);
  });
});

describe('BDAT', () => {
  test('in one chunk', () => {
    expect(ready().send('BDAT 5 LAST\r\nhello')).toEqual([
      '-> data',
      '-> body hello',
      '-> end-of-body',
      '250 2.6.0 taken',
    ]);
  });

  test('in several, with octets that look like commands and ends', () => {
    const play = ready();
    expect(play.send('BDAT 6\r\nQUIT\r\nBDAT 7\r\n\r\n.\r\n..bdat 3 last\r\nend')).toEqual([
      '-> data',
      '-> body QUIT\r\n',
      '250 2.0.0 6 octets received',
      '-> body \r\n.\r\n..',
      '250 2.0.0 7 octets received',
      '-> body end',
      '-> end-of-body',
      '250 2.6.0 taken',
    ]);
    expect(play.dialogue.hasTransaction).toBe(false);
  });

  test('a last one without octets, also as the only one', () => {
    expect(ready().send('BDAT 3\r\nabcBDAT 0 LAST\r\n').slice(-3)).toEqual([
      '250 2.0.0 3 octets received',
      '-> end-of-body',
      '250 2.6.0 taken',
    ]);
    expect(ready().send('BDAT 0 LAST\r\n')).toEqual(['-> data', '-> end-of-body', '250 2.6.0 taken']);
    expect(ready().send('BDAT 0\r\nBDAT 1 LAST\r\na')).toEqual([
      '-> data',
      '250 2.0.0 0 octets received',
      '-> body a',
      '-> end-of-body',
      '250 2.6.0 taken',
    ]);
  });

  test('is not mixed with DATA, nor followed by recipients', () => {
    const play = ready();
    expect(
      repliesOf(play, 'BDAT 3\r\nabcDATA\r\nRCPT TO:<a@b>\r\nMAIL FROM:<a@b>\r\nAUTH PLAIN\r\n').map((line) =>
        line.slice(0, 9),
      ),
    ).toEqual(['250 2.0.0', '503 5.5.1', '503 5.5.1', '503 5.5.1', '503 5.5.1']);
    expect(play.dialogue.hasTransaction).toBe(true);
    expect(repliesOf(play, 'RSET\r\nBDAT 4\r\nQUITNOOP\r\n')).toEqual([
      '250 2.0.0 OK',
      '503 5.5.1 Send MAIL first',
      '250 2.0.0 OK',
    ]);
  });

  test('refused, its octets are passed over, and so are all that follow', () => {
    const play = ready({}, refuse('data', 452, '4.3.1'));
    expect(play.send('BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nRSET\r\nDATA\r\nRCPT TO:<a@b>\r\n')).toEqual([
      '-> data',
      '452 4.3.1 no',
      '503 5.5.1 A part of the message was refused; send RSET or MAIL',
      '503 5.5.1 A part of the message was refused; send RSET or MAIL',
      '503 5.5.1 A part of the message was refused; send RSET or MAIL',
    ]);
    expect(play.dialogue.hasTransaction).toBe(false);
    expect(repliesOf(play, envelope)).toEqual(['250 2.1.0 Sender OK', '250 2.1.5 Recipient OK']);
    play.send('BDAT 0 LAST\r\nRSET\r\n');
    expect(play.send('BDAT 0\r\n')).toEqual(['503 5.5.1 Send MAIL first']);
  });

  test('the refusal comes after the octets', () => {
    const play = ready({}, refuse('data', 552, '5.3.4'));
    expect(play.send('BDAT 10 LAST\r\n12345')).toEqual(['-> data']);
    expect(play.send('67890')).toEqual(['552 5.3.4 no']);
  });

  test('without recipients, its octets are passed over', () => {
    const play = greeted();
    play.send('MAIL FROM:<>\r\n');
    expect(play.send('BDAT 6\r\nQUIT\r\nNOOP\r\n')).toEqual(['503 5.5.1 Send RCPT first', '250 2.0.0 OK']);
  });

  test('not offered, its octets are no commands either', () => {
    const play = ready({ extensions: { smtputf8: false, dsn: false, chunking: false } });
    expect(play.send('BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n')).toEqual(['502 5.5.1 CHUNKING is not offered', '250 2.0.0 OK']);
  });

  test.each([
    ['BDAT', '501 5.5.4'],
    ['BDAT x', '501 5.5.4'],
    ['BDAT -1', '501 5.5.4'],
    ['BDAT 1.5', '501 5.5.4'],
    ['BDAT 0x10', '501 5.5.4'],
    ['BDAT 5 FIRST', '501 5.5.4'],
    ['BDAT 5 LAST now', '501 5.5.4'],
    ['BDAT 5LAST', '501 5.5.4'],
    ['BDAT 123456789012345678901', '501 5.5.4'],
    ['BDAT 9007199254740993', '552 5.3.4'],
    ['BDAT 99999999999999999999 LAST', '552 5.3.4'],
  ])('%s cannot be passed over and ends the connection', (line, reply) => {
    for (const play of [ready(), greeted(), new ClientPlay()]) {
      const log = play.send(`${line}\r\nNOOP\r\n`);
      expect(log).toEqual([expect.stringContaining(`${reply} `), expect.stringContaining('-> close: ')]);
    }
  });

  test('more than is worth passing over ends the connection', () => {
    expect(greeted().send('BDAT 67108865\r\nabc')).toEqual([
      '503 5.5.1 Send MAIL first',
      expect.stringContaining('-> close: '),
    ]);
    expect(greeted().send('BDAT 67108864\r\nabc')).toEqual([]);
  });

  test('pieces are parts of the chunk, of 64 KB at most', () => {
    const dialogue = new SmtpClientDialogue(defaults);
    dialogue.greet();
    const chunk = Buffer.from(`BDAT 100000\r\n${'x'.repeat(100_000)}NOOP\r\n`);
    dialogue.receive(Buffer.from(`HELO x\r\n`));
    dialogue.answer(null);
    for (const line of ['EHLO x', 'MAIL FROM:<>', 'RCPT TO:<a@b>']) {
      dialogue.receive(Buffer.from(`${line}\r\n`));
      dialogue.answer(null);
    }
    expect(dialogue.receive(chunk).step).toEqual({ kind: 'data' });
    const first = dialogue.answer(null).step;
    expect(first.kind === 'body' && [first.bytes.length, first.bytes.buffer]).toEqual([65_536, chunk.buffer]);
    expect(dialogue.proceed().step.kind).toBe('body');
    expect(dialogue.proceed().output.toString()).toBe('250 2.0.0 100000 octets received\r\n250 2.0.0 OK\r\n');
  });
});

describe('STARTTLS', () => {
  test('begins anew', () => {
    const play = ready();
    expect(play.send('STARTTLS\r\n')).toEqual(['220 2.0.0 Ready to start TLS', '-> start-tls']);
    expect(play.dialogue.greeting).toEqual({ helo: null, verb: null, channel: 'secure' });
    expect(play.dialogue.hasTransaction).toBe(false);
    expect(play.send('MAIL FROM:<>\r\n')).toEqual(['503 5.5.2 Send hello first']);
    const capabilities = repliesOf(play, hello);
    expect(capabilities).toContain('250 AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER');
    expect(capabilities.join()).not.toContain('STARTTLS');
    expect(play.send('STARTTLS\r\n')).toEqual(['503 5.5.1 TLS is active already']);
  });

  test('forgets the login', () => {
    const play = greeted();
    play.send('AUTH PLAIN AGFubgBzZWNyZXQ=\r\nSTARTTLS\r\n');
    expect(repliesOf(play, `${hello}AUTH PLAIN AGFubgBzZWNyZXQ=\r\n`).at(-1)).toBe(
      '235 2.7.0 Authentication successful',
    );
  });

  test.each(['MAIL FROM:<a@b>\r\n', 'x', '\r\n'])('what follows it in clear (%j) ends the connection', (injected) => {
    const play = greeted();
    expect(play.send(`STARTTLS\r\n${injected}`)).toEqual([
      '554 5.5.0 Nothing may follow STARTTLS before TLS',
      '-> close: input behind STARTTLS',
    ]);
    expect(play.dialogue.heldBytes).toBe(0);
  });

  test('and so do plain bytes instead of a handshake', () => {
    const dialogue = new SmtpClientDialogue(defaults);
    dialogue.greet();
    dialogue.receive(Buffer.from(hello));
    dialogue.answer(null);
    dialogue.receive(Buffer.from('STARTTLS\r\n'));
    expect(dialogue.receive(Buffer.from('NOOP\r\n'))).toEqual({
      output: Buffer.alloc(0),
      step: { kind: 'close', reason: 'plain bytes instead of a TLS handshake' },
    });
    expect(dialogue.tlsStarted().step.kind).toBe('close');
  });

  test('is not offered, or active from the start', () => {
    expect(greeted({ tls: 'absent' }).send('STARTTLS\r\n')).toEqual(['502 5.5.1 STARTTLS is not offered']);
    expect(greeted({ tls: 'active' }).send('STARTTLS\r\n')).toEqual(['503 5.5.1 TLS is active already']);
  });
});

describe('AUTH', () => {
  const annSecret = 'AGFubgBzZWNyZXQ=';
  const oauth = Buffer.from('user=ann\u0001auth=Bearer tok\u0001\u0001').toString('base64');

  test.each([
    [`AUTH PLAIN ${annSecret}\r\n`, ['-> login |ann|secret', '235 2.7.0 Authentication successful']],
    [`auth plain\r\n${annSecret}\r\n`, ['334 ', '-> login |ann|secret', '235 2.7.0 Authentication successful']],
    [
      'AUTH LOGIN\r\nYW5u\r\nc2VjcmV0\r\n',
      ['334 VXNlcm5hbWU6', '334 UGFzc3dvcmQ6', '-> login |ann|secret', '235 2.7.0 Authentication successful'],
    ],
    [
      'AUTH LOGIN YW5u\r\nc2VjcmV0\r\n',
      ['334 UGFzc3dvcmQ6', '-> login |ann|secret', '235 2.7.0 Authentication successful'],
    ],
    [`AUTH XOAUTH2 ${oauth}\r\n`, ['-> login XOAUTH2 ann', '235 2.7.0 Authentication successful']],
    ['AUTH PLAIN =\r\n', ['501 5.5.2 The SASL response does not have three parts.']],
    ['AUTH PLAIN *\r\n', ['501 5.5.2 The SASL response is not valid base64.']],
    ['AUTH PLAIN\r\n*\r\n', ['334 ', '501 5.7.0 Authentication cancelled']],
    ['AUTH LOGIN\r\nYW5u\r\n*\r\n', ['334 VXNlcm5hbWU6', '334 UGFzc3dvcmQ6', '501 5.7.0 Authentication cancelled']],
    ['AUTH PLAIN\r\nnot base64\r\n', ['334 ', '501 5.5.2 The SASL response is not valid base64.']],
    ['AUTH PLAIN\r\nAGFu\nbgBz\r\n', ['334 ', '501 5.5.2 The SASL response is not valid base64.']],
    ['AUTH PLAIN\r\n\r\n', ['334 ', '501 5.5.2 The SASL response does not have three parts.']],
    [`AUTH PLAIN\r\n${'A'.repeat(12_287)}\r\n`, ['334 ', '500 5.5.6 The line is too long']],
    [`AUTH PLAIN ${'A'.repeat(12_287)}\r\n`, ['500 5.5.6 The line is too long']],
    ['AUTH CRAM-MD5\r\n', ['504 5.5.4 This authentication mechanism is not offered']],
    ['AUTH\r\n', ['501 5.5.4 Syntax error in the arguments']],
    ['AUTH PLAIN a b\r\n', ['501 5.5.4 Syntax error in the arguments']],
  ])('%j', (bytes, log) => {
    const play = greeted({ tls: 'active' });
    expect(play.send(bytes)).toEqual(log);
    expect(play.send('NOOP\r\n')).toEqual(['250 2.0.0 OK']);
  });

  test('is done once', () => {
    const play = greeted();
    play.send(`AUTH PLAIN ${annSecret}\r\n${hello}`);
    expect(play.send(`AUTH PLAIN ${annSecret}\r\n`)).toEqual(['503 5.5.1 Already authenticated']);
  });

  test('refused it may be tried again, a token too', () => {
    const play = greeted({ tls: 'active' }, refuse('login', 535, '5.7.8'));
    expect(repliesOf(play, `AUTH PLAIN ${annSecret}\r\nAUTH XOAUTH2 ${oauth}\r\nNOOP\r\n`)).toEqual([
      '535 5.7.8 no',
      '535 5.7.8 no',
      '250 2.0.0 OK',
    ]);
  });

  test('before TLS, where it needs TLS', () => {
    const later = { plain: [], secure: ['PLAIN'] } as const;
    const some = { plain: ['PLAIN'], secure: ['PLAIN', 'XOAUTH2'] } as const;
    const line = `AUTH PLAIN ${annSecret}\r\n`;
    expect(greeted({ mechanisms: later }).send(line)).toEqual([expect.stringMatching(/^538 5\.7\.11 /)]);
    expect(greeted({ mechanisms: some }).send('AUTH XOAUTH2\r\n')).toEqual([expect.stringMatching(/^538 5\.7\.11 /)]);
    expect(greeted({ mechanisms: later, tls: 'absent' }).send(line)).toEqual(['503 5.5.1 AUTH is not offered']);
    expect(greeted({ mechanisms: { plain: [], secure: [] } }).send(line)).toEqual(['503 5.5.1 AUTH is not offered']);
  });
});

describe('XCLIENT', () => {
  const xclient = ['NAME', 'ADDR', 'PORT', 'HELO'];

  test('begins anew as another client', () => {
    const play = greeted({ xclient });
    play.send('AUTH PLAIN AGFubgBzZWNyZXQ=\r\n');
    expect(play.send('XCLIENT ADDR=10.0.0.1 NAME=[UNAVAILABLE] HELO=a+20b\r\n')).toEqual([
      '-> xclient {"ADDR":"10.0.0.1","HELO":"a b"}',
      '220 mx.contoso.com ESMTP usher',
    ]);
    expect(
      repliesOf(play, `MAIL FROM:<>\r\n${hello}AUTH PLAIN AGFubgBzZWNyZXQ=\r\n`).filter(
        (line) => !line.startsWith('250'),
      ),
    ).toEqual(['503 5.5.2 Send hello first', '235 2.7.0 Authentication successful']);
  });

  test('malformed, refused, or within a transaction it changes nothing', () => {
    expect(greeted({ xclient }).send('XCLIENT LOGIN=ann\r\n')).toEqual(['501 5.5.4 Invalid parameter']);
    expect(
      greeted({ xclient }, refuse('xclient', 550, '5.7.0'))
        .send('XCLIENT PORT=1\r\nMAIL FROM:<>\r\n')
        .slice(1),
    ).toEqual(['550 5.7.0 no', '-> mail <>', '250 2.1.0 Sender OK']);
    expect(ready({ xclient }).send('XCLIENT PORT=1\r\n')).toEqual(['503 5.5.1 Not allowed within a mail transaction']);
    expect(new ClientPlay({ xclient, needsTls: true }).send('XCLIENT PORT=1\r\n')).toEqual([
      expect.stringMatching(/^530 /),
    ]);
  });
});

describe('the driver', () => {
  const started = (): SmtpClientDialogue => {
    const dialogue = new SmtpClientDialogue(defaults);
    dialogue.greet();
    return dialogue;
  };

  test('gets the replies to a pipelined group together', () => {
    const dialogue = started();
    dialogue.receive(Buffer.from(hello));
    dialogue.answer(null);
    const begin = dialogue.receive(Buffer.from(`NOOP\r\nRSET\r\n${envelope}DATA\r\n`));
    expect(begin.output.toString()).toBe('250 2.0.0 OK\r\n250 2.0.0 OK\r\n');
    expect(begin.step.kind).toBe('mail');
    expect(dialogue.heldBytes).toBe('RCPT TO:<ann@contoso.com>\r\nDATA\r\n'.length);
    expect(dialogue.answer(null)).toMatchObject({
      output: Buffer.from('250 2.1.0 Sender OK\r\n'),
      step: { kind: 'recipient' },
    });
    expect(dialogue.answer(null)).toMatchObject({
      output: Buffer.from('250 2.1.5 Recipient OK\r\n'),
      step: { kind: 'data' },
    });
  });

  test('is not asked twice: what comes meanwhile is kept, up to a limit', () => {
    const dialogue = started();
    dialogue.receive(Buffer.from(hello));
    expect(dialogue.receive(Buffer.from('NOOP\r\n'))).toEqual({ output: Buffer.alloc(0), step: { kind: 'read' } });
    expect(dialogue.answer(null).output.toString()).toMatch(/\r\n250 2\.0\.0 OK\r\n$/);
    dialogue.receive(Buffer.from('MAIL FROM:<>\r\n'));
    expect(dialogue.receive(Buffer.alloc(256 * 1024)).step.kind).toBe('read');
    const turn = dialogue.receive(Buffer.from('x'));
    expect(turn.output.toString()).toBe('421 4.7.0 Too much input ahead of the replies\r\n');
    expect(turn.step.kind).toBe('close');
    expect(dialogue.heldBytes).toBe(0);
    expect(dialogue.answer(null)).toMatchObject({ output: Buffer.alloc(0), step: { kind: 'close' } });
  });

  test('ends it with a last word, once', () => {
    const dialogue = started();
    dialogue.receive(Buffer.from(hello));
    expect(dialogue.closing({ code: 421, enhanced: '4.4.2', text: 'too slow' }).toString()).toBe(
      '421 4.4.2 too slow\r\n',
    );
    expect(dialogue.closing({ code: 421, enhanced: '4.4.2', text: 'too slow' })).toHaveLength(0);
    for (const turn of [
      dialogue.receive(Buffer.from('NOOP\r\n')),
      dialogue.answer(taken),
      dialogue.proceed(),
      dialogue.tlsStarted(),
    ]) {
      expect(turn).toEqual({ output: Buffer.alloc(0), step: { kind: 'close', reason: 'too slow' } });
    }
  });

  test('may dismiss a client: recipients are heard, and nothing else', () => {
    const dismissal = { code: 554, enhanced: '5.7.1', text: 'go away' };
    for (const line of ['DATA', 'NOOP', 'FOO', 'BDAT 5']) {
      const play = ready();
      play.dialogue.dismiss(dismissal);
      expect(play.send(`RCPT TO:<a@b>\r\n${line}\r\nRSET\r\n`)).toEqual([
        '-> recipient <a@b>',
        '250 2.1.5 Recipient OK',
        '554 5.7.1 go away',
        '-> close: dismissed',
      ]);
    }
    const spared = ready();
    spared.dialogue.dismiss(dismissal);
    spared.dialogue.dismiss(null);
    expect(spared.send('NOOP\r\n')).toEqual(['250 2.0.0 OK']);
  });

  test('calls that do not fit throw', () => {
    expect(() => new SmtpClientDialogue(defaults).receive(Buffer.from('x'))).toThrow(/greeted/);
    expect(() => started().greet()).toThrow(/greeted/);
    expect(() => started().answer(null)).toThrow(/commands/);
    expect(() => started().proceed()).toThrow(/commands/);
    expect(() => started().tlsStarted()).toThrow(/commands/);
    expect(() => ready({}, () => null).send('DATA\r\n.\r\n')).toThrow(/must be given/);
    expect(() => ready({}, () => taken).send('DATA\r\n')).toThrow(/354/);
  });
});

describe('the trace', () => {
  const lines: string[] = [];
  const trace = (direction: '>' | '<', text: string): void => void lines.push(`${direction} ${text}`);
  const traced = (bytes: string): string[] => {
    lines.length = 0;
    const play = new ClientPlay({ trace, tls: 'active' });
    play.send(bytes);
    play.dialogue.closing({ code: 421, enhanced: '4.4.2', text: 'bye' });
    return lines.slice(1, -1);
  };

  test('shows commands, replies and the size of messages', () => {
    expect(traced(`HELO x\r\n${envelope}DATA\r\nsecret\r\n.\r\nFOO\r\n`)).toEqual([
      '< HELO x',
      '> 250 mx.contoso.com Hello',
      '< MAIL FROM:<eve@fabrikam.com>',
      '> 250 2.1.0 Sender OK',
      '< RCPT TO:<ann@contoso.com>',
      '> 250 2.1.5 Recipient OK',
      '< DATA',
      '> 354 Start mail input; end with <CRLF>.<CRLF>',
      '< <message 8 bytes>',
      '> 250 2.6.0 taken',
      '< FOO',
      '> 500 5.3.3 Unrecognized command',
    ]);
    expect(lines[0]).toBe('> 220 mx.contoso.com ESMTP usher');
    expect(lines.at(-1)).toBe('> 421 4.4.2 bye');
  });

  test('counts the octets of BDAT', () => {
    expect(traced(`${hello}${envelope}BDAT 6\r\nsecretBDAT 2 LAST\r\nab`)).toContain('< <message 8 bytes>');
  });

  test.each([
    ['AUTH PLAIN c2VjcmV0', 'AUTH PLAIN *'],
    ['auth  login  c2VjcmV0', 'auth  login *'],
    ['AUTH PLAIN', 'AUTH PLAIN'],
    ['AUTH', 'AUTH'],
    ['AUTH c2VjcmV0', 'AUTH *'],
    ['AUTH PLAIN\tc2VjcmV0', 'AUTH *'],
    [' AUTH PLAIN c2VjcmV0', 'AUTH *'],
    ['PASS c2VjcmV0', 'PASS *'],
    ['c2VjcmV0==', '*'],
    ['', '*'],
    [`X${'c2VjcmV0'.repeat(1000)}`, '<line of 8003 bytes>'],
  ])('of %j shows %j', (line, shown) => {
    expect(traced(`${line}\r\n`)[0]).toBe(`< ${shown}`);
  });

  test('never shows a credential, whatever comes before it', () => {
    const secrets = ['c2VjcmV0', 'AGFubgBjMlZqY21WMA==', 'hunter'];
    const word = fc.constantFrom(
      'AUTH PLAIN',
      'AUTH LOGIN',
      'AUTH NTLM',
      'AUTH',
      hello.trimEnd(),
      'NOOP',
      'RSET',
      '*',
      ...secrets,
    );
    const line = fc
      .tuple(word, fc.option(fc.constantFrom(...secrets, '=', '*'), { freq: 3, nil: undefined }))
      .map(([first, second]) => (second === undefined || !first.startsWith('AUTH') ? first : `${first} ${second}`));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (list) => {
        const text = traced(`${hello}AUTH LOGIN\r\n${list.join('\r\n')}\r\n`).join('\n');
        for (const secret of secrets) expect(text).not.toContain(secret);
      }),
    );
  });
});

const pieces = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      hello,
      'MAIL FROM:<a@b>\r\n',
      'RCPT TO:<a@b>\r\n',
      'DATA\r\n',
      'text\r\n',
      '.\r\n',
      '..\r\n',
      'BDAT 5\r\n',
      'BDAT 3 LAST\r\n',
      'RSET\r\n',
      'AUTH LOGIN\r\n',
      'YW5u\r\n',
      'AUTH PLAIN AGEAYg==\r\n',
      'XCLIENT PORT=1\r\n',
      'NOOP\r\n',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '\r',
      '\n',
      '.',
      '\r\n',
      '\0',
      '\n.\n',
      '\r\n.\r\n',
      'BDAT ',
      'AUTH ',
      'QUIT\r\n',
      'HELO x\r\n',
      'é',
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 10 }) },
);
const conversations = fc.array(pieces, { maxLength: 60 }).map((list) => Buffer.from(list.join(''), 'latin1'));

/** Consents mostly, and refuses by count, so that the answers do not depend on the chunks. */
function moody(every: number): Judge {
  let count = 0;
  return (step) => {
    count += 1;
    return count % every === 0 ? { code: 451, enhanced: '4.3.0', text: 'later' } : consent(step);
  };
}

function cutEvery(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const end = at + (lengths[turn % lengths.length] ?? 1);
    chunks.push(bytes.subarray(at, end));
    at = end;
  }
  return chunks;
}

test('any chunking of any conversation gives the same replies and steps', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(conversations, lengths, fc.integer({ min: 2, max: 9 }), (bytes, cuts, mood) => {
      const options = { xclient: ['PORT'], protocolErrorsMax: 20 };
      const whole = new ClientPlay(options, moody(mood));
      whole.send(bytes);
      const parts = new ClientPlay(options, moody(mood));
      for (const chunk of cutEvery(bytes, cuts)) parts.send(chunk);
      expect(parts.log).toEqual(whole.log);
      expect(parts.dialogue.hasTransaction).toBe(whole.dialogue.hasTransaction);
      expect(parts.heldMax).toBeLessThanOrEqual(2048);
    }),
    { numRuns: 800 },
  );
});

test('garbage never throws, holds no more than the limit, and every reply is well-formed', () => {
  const garbage = fc.oneof(
    fc.uint8Array({ maxLength: 5000 }).map((bytes) => Buffer.from(bytes)),
    conversations,
  );
  const options = fc.record({
    needsTls: fc.boolean(),
    tls: fc.constantFrom('active', 'offered', 'absent'),
    protocolErrorsMax: fc.integer({ min: 0, max: 10 }),
  });
  fc.assert(
    fc.property(fc.array(garbage, { maxLength: 12 }), options, fc.boolean(), (chunks, chosen, isGreeted) => {
      const play = isGreeted ? ready(chosen) : new ClientPlay(chosen);
      for (const chunk of chunks) play.send(chunk);
      expect(play.heldMax).toBeLessThanOrEqual(12_288);
      for (const line of play.log) expect(line).toMatch(/^(?:-> |[2345]\d\d[ -][^\r\n]*$)/);
    }),
    { numRuns: 400 },
  );
});
