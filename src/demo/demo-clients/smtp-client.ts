import { randomUUID } from 'node:crypto';

import { UsherError } from '../../errors.js';
import { type LineClient, openLineClient } from './line-client.js';

export interface OutgoingMail {
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** Sends one message and returns the reply to its content. Rejects with UsherError when a reply is not as it should be. */
export async function sendMail(port: number, mail: OutgoingMail): Promise<string> {
  const client = await openLineClient(port, 'SMTP');
  const say = async (line: string, expected: number): Promise<string> => {
    client.send(`${line}\r\n`);
    return expectReply(client, expected, line);
  };
  try {
    await expectReply(client, 220, 'the connection');
    await say('EHLO client.elsewhere.test', 250);
    await say(`MAIL FROM:<${mail.from}>`, 250);
    await say(`RCPT TO:<${mail.to}>`, 250);
    await say('DATA', 354);
    client.send(contentOf(mail));
    const reply = await expectReply(client, 250, 'the message');
    await say('QUIT', 221);
    return reply;
  } finally {
    client.close();
  }
}

function contentOf(mail: OutgoingMail): string {
  const lines = [
    `From: <${mail.from}>`,
    `To: <${mail.to}>`,
    `Subject: ${mail.subject}`,
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${randomUUID()}@elsewhere.test>`,
    '',
    // RFC 5321 §4.5.2: a line that begins with a period gets another one
    ...mail.text.split('\n').map((line) => (line.startsWith('.') ? `.${line}` : line)),
    '.',
  ];
  return `${lines.join('\r\n')}\r\n`;
}

/** The last line of a reply, which must have the expected code. */
async function expectReply(client: LineClient, expected: number, to: string): Promise<string> {
  for (;;) {
    const line = await client.nextLine();
    if (/^\d{3}-/.test(line)) continue;
    if (line.startsWith(String(expected))) return line;
    throw new UsherError('failed', 'demo-refused', `the SMTP door answered "${line}" to ${to}`);
  }
}
