import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** A client that writes bytes as they are and reads whole replies. */
export interface SmtpClient {
  readonly socket: Socket;
  /** The next reply, its lines joined by `\n`; null when the connection is closed. */
  reply(): Promise<string | null>;
  write(text: string | Buffer): void;
  /** Writes a line and reads the reply to it. */
  ask(line: string): Promise<string | null>;
  /** Until the server closes: everything it still says. */
  rest(): Promise<readonly string[]>;
  close(): void;
}

export async function connectClient(port: number): Promise<SmtpClient> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  socket.on('error', () => socket.destroy());
  await once(socket, 'connect');
  return clientOver(socket);
}

/** TLS from the first byte, or over a connection whose STARTTLS was answered. */
export async function secureClient(
  options: { port: number } | { socket: Socket },
  servername: string,
): Promise<SmtpClient> {
  const target = 'socket' in options ? { socket: options.socket } : { host: '127.0.0.1', port: options.port };
  const socket = connectTls({ ...target, rejectUnauthorized: false, servername });
  socket.on('error', () => socket.destroy());
  await once(socket, 'secureConnect');
  return clientOver(socket);
}

function clientOver(socket: Socket): SmtpClient {
  let held = '';
  let ended = false;
  let wake: () => void = () => undefined;
  socket.on('data', (chunk: Buffer) => {
    held += chunk.toString('latin1');
    wake();
  });
  const onEnd = (): void => {
    ended = true;
    wake();
  };
  socket.on('end', onEnd).on('close', onEnd);
  const reply = async (): Promise<string | null> => {
    for (;;) {
      const match = /^(?:\d{3}-.*\r\n)*\d{3}(?: .*)?\r\n/.exec(held);
      if (match !== null) {
        held = held.slice(match[0].length);
        return match[0].trimEnd().replaceAll('\r\n', '\n');
      }
      if (ended) return null;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const write = (text: string | Buffer): void => void (socket.destroyed || socket.write(text));
  return {
    socket,
    reply,
    write,
    ask(line) {
      write(`${line}\r\n`);
      return reply();
    },
    async rest() {
      const replies: string[] = [];
      for (let text = await reply(); text !== null; text = await reply()) replies.push(text);
      return replies;
    },
    close: () => void socket.destroy(),
  };
}

/** Each line is answered before the next is sent. */
export async function askAll(client: SmtpClient, lines: readonly string[]): Promise<(string | null)[]> {
  const replies: (string | null)[] = [];
  for (const line of lines) replies.push(await client.ask(line));
  return replies;
}

/** The code and the enhanced code of each reply. */
export const codesOf = (replies: readonly (string | null)[]): string[] =>
  replies.map((reply) => /^\d{3}(?:[ -]\d\.\d+\.\d+)?/.exec(reply ?? '')?.[0] ?? 'closed');

/** Greeting and EHLO. */
export async function greet(client: SmtpClient): Promise<void> {
  const greeting = await client.reply();
  if (!greeting?.startsWith('220 ')) throw new Error(`greeted with ${greeting}`);
  const reply = await client.ask('EHLO client.example');
  if (!reply?.startsWith('250')) throw new Error(`EHLO was answered ${reply}`);
}

/** STARTTLS and a new EHLO over a greeted connection. */
export async function secure(plain: SmtpClient, servername = 'front.contoso.com'): Promise<SmtpClient> {
  const go = await plain.ask('STARTTLS');
  if (!go?.startsWith('220 ')) throw new Error(`STARTTLS was answered ${go}`);
  const client = await secureClient(plain, servername);
  await client.ask('EHLO client.example');
  return client;
}

/** Greeting, EHLO, MAIL and RCPTs; all must be taken. */
export async function begin(client: SmtpClient, to: readonly string[] = ['ann@contoso.com']): Promise<void> {
  await greet(client);
  const lines = ['MAIL FROM:<eve@fabrikam.com>', ...to.map((address) => `RCPT TO:<${address}>`)];
  for (const line of lines) {
    const reply = await client.ask(line);
    if (!reply?.startsWith('250')) throw new Error(`${line} was answered ${reply}`);
  }
}

/** The whole of one message over a connection of its own: the reply to its end, or null when there is none. */
export async function sendMessage(port: number, data: string | Buffer, to?: readonly string[]): Promise<string | null> {
  const client = await connectClient(port);
  try {
    await begin(client, to);
    const go = await client.ask('DATA');
    if (!go?.startsWith('354')) return go;
    client.write(data);
    client.write('\r\n.\r\n');
    return await client.reply();
  } finally {
    client.close();
  }
}
