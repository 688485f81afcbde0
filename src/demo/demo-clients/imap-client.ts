import { UsherError } from '../../errors.js';
import { type LineClient, openLineClient } from './line-client.js';

/** What a mailbox is read for. */
export interface MailboxQuery {
  readonly user: string;
  readonly password: string;
  /** Of the message that is looked for. */
  readonly subject: string;
}

export interface MailboxView {
  /** Who answered, by its own word. */
  readonly server: string;
  readonly messageCount: number;
  /** The server that took the message in, by its trace header; null when the message is not there. */
  readonly takenInBy: string | null;
}

/** Signs in, asks the server its name and looks for a message. Rejects with UsherError when a command is refused. */
export async function readMailbox(port: number, { user, password, subject }: MailboxQuery): Promise<MailboxView> {
  const client = await openLineClient(port, 'IMAP');
  let count = 0;
  const say = (name: string, rest = ''): Promise<string> => {
    count += 1;
    const tag = `a${count}`;
    client.send(`${tag} ${name}${rest}\r\n`);
    return untilTagged(client, tag, name);
  };
  try {
    const greeting = await client.nextLine();
    if (!greeting.startsWith('* OK')) throw refused(greeting, 'the connection');
    await say('LOGIN', ` ${quoted(user)} ${quoted(password)}`);
    const server = /"server" "([^"]*)"/i.exec(await say('ID', ' NIL'))?.[1] ?? '';
    const messageCount = Number(/^\* (\d+) EXISTS/im.exec(await say('SELECT', ' INBOX'))?.[1]);
    const found = await say('UID SEARCH', ` HEADER Subject ${quoted(subject)}`);
    const uid = /^\* SEARCH(?: \d+)*? (\d+)\s*$/m.exec(found)?.[1];
    const header = uid === undefined ? '' : await say('UID FETCH', ` ${uid} (BODY.PEEK[HEADER.FIELDS (RECEIVED)])`);
    await say('LOGOUT');
    return { server, messageCount, takenInBy: /^Received:[^;]*?\sby\s+(\S+)/im.exec(header)?.[1] ?? null };
  } finally {
    client.close();
  }
}

/** Everything up to the tagged response, literals included. */
async function untilTagged(client: LineClient, tag: string, command: string): Promise<string> {
  let text = '';
  for (;;) {
    const line = await client.nextLine();
    if (line.startsWith(`${tag} OK`)) return text;
    if (line.startsWith(`${tag} `)) throw refused(line.slice(tag.length + 1), command);
    text += `${line}\n`;
    const literalBytes = /\{(\d{1,9})\}$/.exec(line)?.[1];
    if (literalBytes !== undefined) text += `${await client.nextBytes(Number(literalBytes))}\n`;
  }
}

const quoted = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`;

function refused(line: string, to: string): UsherError {
  return new UsherError('failed', 'demo-refused', `the IMAP door answered "${line}" to ${to}`);
}
