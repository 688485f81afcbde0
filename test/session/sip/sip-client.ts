import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, isIPv6, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { until } from '../../support/until.js';
import { afterwards } from './call-stage.js';

/** A response taken apart as far as tests need it. */
export interface Answer {
  readonly code: number;
  readonly text: string;
  /** The value of the first field of that name; undefined: there is none. */
  field(name: string): string | undefined;
}

/** A SIP peer that sends what it is told to. */
export interface SipClient {
  readonly port: number;
  /** All that came, in its order. */
  readonly answers: readonly Answer[];
  send(message: string | Buffer): void;
  /** The next answer that was not asked for yet. */
  next(): Promise<Answer>;
  /** The codes of the answers to an INVITE up to its final one, and that. */
  final(): Promise<Answer>;
  close(): void;
}

export interface StreamClient extends SipClient {
  readonly socket: Socket;
  /** All the bytes that came. */
  text(): string;
  closed(): Promise<void>;
}

let count = 0;

export interface RequestOptions {
  readonly uri?: string;
  readonly body?: string;
}

/** A request as a gateway sends it, new at each call; what is given replaces or is added, null leaves a field out. */
export function requestText(
  method: string,
  fields: Readonly<Record<string, string | null>> = {},
  { uri = 'sip:5000@cas1.contoso.com', body = '' }: RequestOptions = {},
): string {
  count += 1;
  const all: Record<string, string | null> = {
    Via: `SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK-${count};rport`,
    'Max-Forwards': '70',
    To: `<${uri}>`,
    From: `"Gateway" <sip:4001@127.0.0.1>;tag=from-${count}`,
    'Call-ID': `call-${count}@127.0.0.1`,
    CSeq: `1 ${method}`,
    Contact: '<sip:4001@127.0.0.1:5060>',
    ...fields,
    'Content-Length': fields['Content-Length'] === undefined ? String(body.length) : fields['Content-Length'],
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}\r\n`]));
  return `${method} ${uri} SIP/2.0\r\n${lines.join('')}\r\n${body}`;
}

/** A request that belongs to an INVITE: its ACK with the To of the answer, or its CANCEL. */
export function following(method: 'ACK' | 'CANCEL', invite: string, to?: string): string {
  return invite
    .replace(/^INVITE/, method)
    .replace(/^CSeq: 1 INVITE/m, `CSeq: 1 ${method}`)
    .replace(/^To: .*$/m, (line) => (to === undefined ? line : `To: ${to}`))
    .replace(/^Content-Length: .*\r\n\r\n[^]*/m, 'Content-Length: 0\r\n\r\n');
}

function answerOf(text: string): Answer {
  return {
    code: Number(/^SIP\/2\.0 (\d{3}) /.exec(text)?.[1]),
    text,
    field: (name) => new RegExp(`^${name}: (.*)$`, 'mi').exec(text)?.[1]?.trim(),
  };
}

function reader(answers: Answer[]): Pick<SipClient, 'next' | 'final'> {
  let taken = 0;
  const next = async (): Promise<Answer> => {
    const answer = await until('an answer', () => answers[taken], 5000);
    taken += 1;
    return answer;
  };
  const final = async (): Promise<Answer> => {
    for (;;) {
      const answer = await next();
      if (answer.code >= 200) return answer;
    }
  };
  return { next, final };
}

/** A peer of a UDP door, on an address of its own. */
export async function udpClient(doorPort: number, address = '127.0.0.1'): Promise<SipClient> {
  const isV6 = isIPv6(address);
  const socket: UdpSocket = createSocket(isV6 ? 'udp6' : 'udp4');
  const answers: Answer[] = [];
  socket.on('message', (bytes) => answers.push(answerOf(bytes.toString('latin1'))));
  socket.bind(0, address);
  await once(socket, 'listening');
  afterwards(() => {
    try {
      socket.close();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SOCKET_DGRAM_NOT_RUNNING') throw error;
    }
  });
  return {
    port: socket.address().port,
    answers,
    ...reader(answers),
    send: (message) =>
      socket.send(
        typeof message === 'string' ? Buffer.from(message, 'latin1') : message,
        doorPort,
        isV6 ? '::1' : '127.0.0.1',
      ),
    close: () => socket.close(),
  };
}

function streamClient(socket: Socket): StreamClient {
  const answers: Answer[] = [];
  let text = '';
  let read = 0;
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1');
    for (;;) {
      // Pongs stand between answers.
      while (text.startsWith('\r\n', read)) read += 2;
      const end = text.indexOf('\r\n\r\n', read);
      if (end === -1) return;
      answers.push(answerOf(text.slice(read, end + 4)));
      read = end + 4;
    }
  });
  const gone = new Promise((resolve) => socket.once('close', resolve));
  afterwards(() => socket.destroy());
  return {
    port: socket.localPort ?? 0,
    answers,
    ...reader(answers),
    socket,
    text: () => text,
    send: (message) => void socket.write(message, 'latin1'),
    close: () => void socket.end(),
    closed: async () => void (await gone),
  };
}

/** A peer of a TCP door, from an address of its own. */
export async function tcpClient(port: number, localAddress = '127.0.0.1'): Promise<StreamClient> {
  const host = isIPv6(localAddress) ? '::1' : '127.0.0.1';
  const socket = connect({ port, host, localAddress });
  await once(socket, 'connect');
  return streamClient(socket);
}

/** A peer of a TLS door; the certificate of the door is not looked at. */
export async function tlsClient(
  port: number,
  options: ConnectionOptions & { readonly localAddress?: string } = {},
): Promise<StreamClient> {
  const socket = connectTls({
    port,
    host: '127.0.0.1',
    servername: 'cas1.contoso.com',
    rejectUnauthorized: false,
    ...options,
  });
  const client = streamClient(socket);
  await once(socket, 'secureConnect');
  return client;
}
