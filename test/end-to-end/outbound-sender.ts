import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { hq1Address } from './outbound-estate.js';

/** A message as a server hands it over. */
export interface OutboundMail {
  readonly from?: string;
  readonly to: readonly string[];
  /** Header and body, a character a byte, lines ended by CRLF. */
  readonly content: string;
  /** What follows the sender's path, such as `SIZE=100`. */
  readonly mailParameters?: string;
}

/** What was answered, null where nothing was; a step that was not come to is not there. */
export interface Answers {
  readonly mail?: string | null;
  readonly rcpt?: readonly (string | null)[];
  readonly data?: string | null;
  readonly end?: string | null;
}

/** A client at an address of its own that speaks one command at a time. */
export interface Sender {
  /** The next reply, its lines joined by `\n`; null when the connection is closed. */
  reply(): Promise<string | null>;
  ask(line: string): Promise<string | null>;
  write(text: string): void;
  /** MAIL, every RCPT, and the data where a recipient was taken; `onHalf` is called when half of the message is sent. */
  deliver(mail: OutboundMail, onHalf?: () => Promise<void> | void): Promise<Answers>;
  close(): void;
}

/** Connected, greeted, and EHLO answered. */
export async function connectSender(port: number, localAddress = hq1Address): Promise<Sender> {
  const socket = connect({ host: '127.0.0.1', port, localAddress, noDelay: true });
  socket.on('error', () => socket.destroy());
  await once(socket, 'connect');
  const sender = senderOver(socket);
  const greeting = await sender.reply();
  if (!greeting?.startsWith('220')) throw new Error(`greeted with ${greeting}`);
  const hello = await sender.ask('EHLO hq1.contoso.com');
  if (!hello?.startsWith('250')) throw new Error(`EHLO was answered ${hello}`);
  return sender;
}

function senderOver(socket: Socket): Sender {
  const reply = replyReader(socket);
  const write = (text: string): void => void (socket.destroyed || socket.write(Buffer.from(text, 'latin1')));
  const ask = (line: string): Promise<string | null> => {
    write(`${line}\r\n`);
    return reply();
  };
  return {
    reply,
    ask,
    write,
    async deliver({ from = 'ann@contoso.com', to, content, mailParameters = '' }, onHalf) {
      const mail = await ask(`MAIL FROM:<${from}>${mailParameters === '' ? '' : ` ${mailParameters}`}`);
      if (!isGood(mail)) return { mail };
      const rcpt: (string | null)[] = [];
      for (const address of to) rcpt.push(await ask(`RCPT TO:<${address}>`));
      if (!rcpt.some(isGood)) return { mail, rcpt };
      const data = await ask('DATA');
      if (!data?.startsWith('354')) return { mail, rcpt, data };
      const wire = content.replaceAll(/(^|\n)\./g, '$1..');
      const half = Math.floor(wire.length / 2);
      write(wire.slice(0, half));
      await onHalf?.();
      write(`${wire.slice(half)}.\r\n`);
      return { mail, rcpt, data, end: await reply() };
    },
    close: () => void socket.destroy(),
  };
}

const isGood = (reply: string | null): boolean => reply?.startsWith('2') === true;

function replyReader(socket: Socket): () => Promise<string | null> {
  let held = '';
  let hasEnded = false;
  let wake: () => void = () => undefined;
  socket.on('data', (chunk: Buffer) => {
    held += chunk.toString('latin1');
    wake();
  });
  const onEnd = (): void => {
    hasEnded = true;
    wake();
  };
  socket.on('end', onEnd).on('close', onEnd);
  return async () => {
    for (;;) {
      const match = /^(?:\d{3}-.*\r\n)*\d{3}(?: .*)?\r\n/.exec(held);
      if (match !== null) {
        held = held.slice(match[0].length);
        return match[0].trimEnd().replaceAll('\r\n', '\n');
      }
      if (hasEnded) return null;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
}

/** One message over a connection of its own. */
export async function send(port: number, mail: OutboundMail, localAddress = hq1Address): Promise<Answers> {
  const sender = await connectSender(port, localAddress);
  try {
    return await sender.deliver(mail);
  } finally {
    sender.close();
  }
}

/** The last thing that was said: what the sender goes by. */
export function lastOf({ mail, rcpt, data, end }: Answers): string | null {
  if (end !== undefined) return end;
  return data ?? rcpt?.at(-1) ?? mail ?? null;
}

const triesMax = 100;

/** Sends as a mail server does, again and again until the front end answers 250: what it was told each time. */
export async function sendUntilTaken(
  port: number,
  mail: OutboundMail,
  onHalf?: () => Promise<void> | void,
): Promise<(string | null)[]> {
  const said: (string | null)[] = [];
  while (said.length < triesMax) {
    const sender = await connectSender(port);
    const answers = await sender.deliver(mail, onHalf).finally(() => sender.close());
    const last = lastOf(answers);
    said.push(last);
    if (answers.end?.startsWith('250') === true) return said;
    if (last?.startsWith('5') === true) throw new Error(`refused for good: ${last}`);
    await sleep(50);
  }
  throw new Error(`nobody took it: ${JSON.stringify(said.slice(-3))}`);
}

/** A message that can be known by its Message-ID. */
export function message(id: string, bodyBytes = 200): string {
  const line = `${'x'.repeat(78)}\r\n`;
  const body = line.repeat(Math.ceil(bodyBytes / line.length));
  return `Message-ID: <${id}@contoso.com>\r\nFrom: ann@contoso.com\r\nSubject: ${id}\r\n\r\n${body}`;
}

/** Those of the messages that are copies of `message(id)`. */
export function copiesOf<T extends { readonly content: string }>(kept: readonly T[], id: string): T[] {
  return kept.filter(({ content }) => new RegExp(`^Message-ID: <${id}@contoso\\.com>\\r?$`, 'm').test(content));
}

/** The code and the enhanced code of a reply. */
export const codeOf = (reply: string | null | undefined): string =>
  /^\d{3}(?:[ -]\d\.\d+\.\d+)?/.exec(reply ?? '')?.[0].replace('-', ' ') ?? 'closed';
