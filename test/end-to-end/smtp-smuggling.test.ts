import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { begin, connectClient, type SmtpClient } from '../session/smtp/smtp-client.js';
import { freePorts } from '../support/free-port.js';
import { type Postfix, startPostfix } from '../support/peers/postfix.js';
import { type RecordingServer, startRecordingServer } from '../support/recording-server.js';
import { describePeer } from '../support/require-peer.js';
import { until } from '../support/until.js';
import { startUsher, type Usher } from '../support/usher.js';
import { plainEndpoint, smtpEstate } from './smtp-estate.js';

// The list of smtpsmug: each has ended a message somewhere, behind a server that took it for part of the body.
const endings: readonly (readonly [string, string])[] = [
  ['lflf', '\n.\n'],
  ['crcr', '\r.\r'],
  ['crlf', '\r.\n'],
  ['lfcr', '\n.\r'],
  ['lfcrlf', '\n.\r\n'],
  ['crlflf', '\r\n.\n'],
  ['crcrlf', '\r.\r\n'],
  ['crlfcr', '\r\n.\r'],
  ['nullbefore', '\r\n\0.\r\n'],
  ['nullafter', '\r\n.\0\r\n'],
];

const smuggled =
  'MAIL FROM:<mallory@evil.test>\r\nRCPT TO:<bob@contoso.com>\r\nDATA\r\n' +
  'From: mallory@evil.test\r\nSubject: smuggled\r\n\r\nsecond message\r\n.\r\n';

const outer = (subject: string): string => `From: eve@fabrikam.test\r\nSubject: ${subject}\r\n\r\nfirst message`;

const opened: SmtpClient[] = [];

/** A client whose DATA was answered 354. */
async function inTransaction(port: number): Promise<SmtpClient> {
  const client = await connectClient(port);
  opened.push(client);
  await begin(client);
  return client;
}

/** Everything that is said to what was written, up to the answer to a last command that has an answer of its own. */
async function repliesOf(client: SmtpClient): Promise<string[]> {
  const replies = [(await client.reply()) ?? ''];
  client.write('VRFY the-end\r\n');
  for (let reply = await client.reply(); reply !== null && !reply.startsWith('252'); reply = await client.reply()) {
    replies.push(reply);
  }
  return replies;
}

/** Writes a message with an ending that is none and commands behind it, in two pieces; the replies. */
async function smuggle(port: number, wire: string, cut: number): Promise<string[]> {
  const client = await inTransaction(port);
  expect(await client.ask('DATA')).toMatch(/^354 /);
  client.write(wire.slice(0, cut));
  if (cut > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  client.write(wire.slice(cut));
  const replies = await repliesOf(client);
  client.close();
  return replies;
}

/** The places to cut at: nowhere, and everywhere in the ending and beside it. */
function cutsAt(wire: string, ending: string): number[] {
  const begins = wire.indexOf(ending);
  return [0, ...Array.from({ length: ending.length + 3 }, (_, index) => begins - 1 + index)];
}

const taken = (replies: readonly string[]): number => replies.filter((reply) => /^250 2\.[06]\.0 /.test(reply)).length;

afterAll(() => {
  for (const client of opened) client.close();
});

describe('one message is never two for the most generous server', () => {
  let mbx: RecordingServer;
  let usher: Usher;
  let port: number;
  beforeAll(async () => {
    mbx = await startRecordingServer({ lineEnds: 'lax' });
    [port = 0] = await freePorts(1);
    const connectors = [{ bindings: [`127.0.0.1:${port}`], maxProtocolErrors: 100 }];
    usher = await startUsher(smtpEstate({ servers: [plainEndpoint(mbx)], connectors }));
  });
  afterAll(async () => {
    await usher?.stop();
    mbx?.close();
  });

  test.each(endings)('%s, in one piece and cut everywhere', async (name, ending) => {
    const wire = `${outer(name)}${ending}${smuggled}`;
    for (const cut of cutsAt(wire, ending)) {
      const before = mbx.messages.length;
      const replies = await smuggle(port, wire, cut);
      expect(replies, `cut at ${cut}`).toHaveLength(1);
      expect(replies[0]).toMatch(name === 'nullafter' ? /^250 / : /^550 5\.6\./);
      expect(mbx.messages.length - before).toBe(taken(replies));
    }
    expect(mbx.messages.filter(({ from }) => from !== 'eve@fabrikam.com')).toEqual([]);
    expect(mbx.commands.filter((line) => line.includes('mallory'))).toEqual([]);
  });

  test.each(endings)('%s in the header', async (name, ending) => {
    const before = mbx.messages.length;
    const replies = await smuggle(port, `Subject: ${name}${ending}${smuggled}`, 0);
    expect(replies).toHaveLength(1);
    expect(mbx.messages.length - before).toBe(taken(replies));
    expect(mbx.commands.filter((line) => line.includes('mallory'))).toEqual([]);
  });

  test('a chunk with an end of data and commands in it arrives as one message', async () => {
    const content = `${outer('chunk')}\r\n.\r\n${smuggled}`;
    for (const cut of cutsAt(content, '\r\n.\r\n')) {
      const before = mbx.messages.length;
      const client = await inTransaction(port);
      client.write(`BDAT ${cut}\r\n${content.slice(0, cut)}`);
      client.write(`BDAT ${content.length - cut} LAST\r\n${content.slice(cut)}`);
      expect(await client.reply()).toMatch(/^250 /);
      expect(await repliesOf(client)).toEqual([expect.stringMatching(/^250 2\.6\.0 /)]);
      client.close();
      expect(mbx.messages).toHaveLength(before + 1);
      expect(mbx.messages.at(-1)?.content.endsWith(content)).toBe(true);
    }
    expect(mbx.commands.filter((line) => line.startsWith('MAIL') && line.includes('mallory'))).toEqual([]);
  });

  test.each(endings.filter(([name]) => name !== 'nullafter'))('%s in a chunk is refused', async (name, ending) => {
    const content = `${outer(name)}${ending}${smuggled}`;
    const before = mbx.messages.length;
    const client = await inTransaction(port);
    client.write(`BDAT ${content.length} LAST\r\n${content}`);
    expect(await repliesOf(client)).toEqual([expect.stringMatching(/^550 5\.6\./)]);
    client.close();
    expect(mbx.messages).toHaveLength(before);
  });

  test.each([
    ['says less than it is', `BDAT 10 LAST\r\n${outer('short')}\r\n`],
    ['comes after the last one', `BDAT 4 LAST\r\nx\r\n\r\nBDAT 4 LAST\r\ny\r\n\r\n`],
    ['is of no size', 'BDAT LAST\r\n'],
    ['is of a negative size', 'BDAT -5 LAST\r\n'],
    ['is of a size beyond all numbers', 'BDAT 99999999999999999999 LAST\r\n'],
  ])('a chunk that %s smuggles nothing', async (_what, wire) => {
    const before = mbx.messages.length;
    const client = await inTransaction(port);
    client.write(`${wire}${smuggled}`);
    client.write('QUIT\r\n');
    client.socket.end();
    const replies = await client.rest();
    client.close();
    // A chunk that is too short is a message, and what follows it are commands: they are answered as such.
    const messages = mbx.messages.slice(before);
    expect(messages).toHaveLength(taken(replies.filter((reply) => !/(Sender|Recipient) OK|Reset/.test(reply))));
    expect(messages.filter(({ content }) => /^MAIL FROM/m.test(content))).toEqual([]);
  });
});

describePeer('postfix', 'one message is never two for a Postfix that trusts us', () => {
  let postfix: Postfix;
  let usher: Usher;
  let port: number;
  beforeAll(async () => {
    const settings = { smtpd_relay_restrictions: 'permit_mynetworks, reject_unauth_destination' };
    postfix = await startPostfix({ name: 'mbx1.contoso.com', domains: ['contoso.com'], settings });
    [port = 0] = await freePorts(1);
    const connectors = [{ bindings: [`127.0.0.1:${port}`], maxProtocolErrors: 100 }];
    usher = await startUsher(smtpEstate({ servers: [plainEndpoint(postfix)], connectors }));
  });
  afterAll(async () => {
    await usher?.stop();
    await postfix?.stop();
  });

  test('every ending, cut everywhere, and chunks: as many arrive as were answered 250', {
    timeout: 40_000,
  }, async () => {
    let accepted = 0;
    for (const [name, ending] of endings) {
      const wire = `${outer(name)}${ending}${smuggled}`;
      for (const cut of cutsAt(wire, ending)) accepted += taken(await smuggle(port, wire, cut));
    }
    const content = `${outer('chunk')}\r\n.\r\n${smuggled}`;
    const client = await inTransaction(port);
    client.write(`BDAT ${content.length} LAST\r\n${content}`);
    accepted += taken(await repliesOf(client));
    client.close();
    expect(accepted).toBeGreaterThan(1);
    await until('the deliveries', () => postfix.messages().length >= accepted);
    // What has a queue file of its own is delivered soon after.
    const queued = new Set([...postfix.log().matchAll(/cleanup\[\d+\]: (\w+): message-id/g)].map(([, id]) => id));
    expect(queued.size).toBe(accepted);
    expect(postfix.messages()).toHaveLength(accepted);
    expect(postfix.messages().filter(({ sender }) => sender.includes('mallory'))).toEqual([]);
  });
});
