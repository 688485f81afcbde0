import { setTimeout as sleep } from 'node:timers/promises';
import { connectClient, type SmtpClient } from '../session/smtp/smtp-client.js';
import type { RecordedMessage } from '../support/recording-server.js';

/** How far a client has come: greeted, commands answered, half of the body sent, all of it sent, the message taken. */
export type ClientMoment = 'GREETING' | 'EHLO' | 'MAIL' | 'RCPT' | 'DATA' | 'BODY' | 'SENT' | 'TAKEN';

export interface Mail {
  /** Stands in its Subject. */
  readonly id: string;
  readonly bodyBytes: number;
}

/** One try: how far it came, and the last reply; null when there was none. */
export interface Try {
  readonly moment: ClientMoment | 'NONE';
  readonly reply: string | null;
}

const triesMax = 200;

/** Sends a message as a mail server does: again and again until somebody answers 250. All the tries, the last one good. */
export async function sendUntilTaken(
  port: number,
  mail: Mail,
  at: (moment: ClientMoment) => Promise<void> | void = () => undefined,
): Promise<Try[]> {
  const tries: Try[] = [];
  while (tries.length < triesMax) {
    const last = await tryOnce(port, mail, at);
    tries.push(last);
    if (last.moment === 'TAKEN') return tries;
    await sleep(50);
  }
  throw new Error(`nobody took ${mail.id}: ${JSON.stringify(tries.slice(-3))}`);
}

async function tryOnce(port: number, mail: Mail, at: (moment: ClientMoment) => Promise<void> | void): Promise<Try> {
  let client: SmtpClient;
  try {
    client = await connectClient(port);
  } catch {
    return { moment: 'NONE', reply: null }; // nobody listens now
  }
  let moment: Try['moment'] = 'NONE';
  const reach = async (next: ClientMoment): Promise<void> => {
    moment = next;
    await at(next);
  };
  try {
    let reply = await client.reply();
    if (!reply?.startsWith('220')) return { moment, reply };
    await reach('GREETING');
    for (const [next, line] of commands) {
      reply = await client.ask(line);
      if (!/^[23]/.test(reply ?? '')) return { moment, reply };
      await reach(next);
    }
    const [first, second] = halves(mail);
    client.write(first);
    await reach('BODY');
    client.write(second);
    await reach('SENT');
    reply = await client.reply();
    if (reply?.startsWith('250')) await reach('TAKEN');
    return { moment, reply };
  } finally {
    client.close();
  }
}

const commands: readonly (readonly [ClientMoment, string])[] = [
  ['EHLO', 'EHLO mx.fabrikam.test'],
  ['MAIL', 'MAIL FROM:<kim@fabrikam.test>'],
  ['RCPT', 'RCPT TO:<ann@contoso.com>'],
  ['DATA', 'DATA'],
];

function halves({ id, bodyBytes }: Mail): [string, string] {
  const line = `${'x'.repeat(78)}\r\n`;
  const body = line.repeat(Math.ceil(bodyBytes / line.length));
  const text = `Message-ID: <${id}@fabrikam.test>\r\nSubject: ${id}\r\n\r\n${body}.\r\n`;
  const half = Math.floor(text.length / 2);
  return [text.slice(0, half), text.slice(half)];
}

/** The copies of a message that servers keep. */
export function copiesOf(kept: readonly Pick<RecordedMessage, 'content'>[], { id }: Mail): readonly string[] {
  return kept.map(({ content }) => content).filter((content) => new RegExp(`^Subject: ${id}\\r?$`, 'm').test(content));
}

/** The values of X-Usher-Transaction, each once. */
export function transactionsOf(copies: readonly string[]): string[] {
  return [...new Set(copies.map((copy) => /^X-Usher-Transaction: ([0-9a-f]{32})\r?$/m.exec(copy)?.[1] ?? 'none'))];
}

/** The tries after which nobody can know whether the message was taken. */
export const unanswered = (tries: readonly Try[]): number => tries.filter(({ moment }) => moment === 'SENT').length;
