import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

/** A message the server has kept. */
export interface RecordedMessage {
  /** What stood between the angle brackets of MAIL. */
  readonly from: string;
  readonly to: readonly string[];
  /** Header and body, a character a byte, lines ended by CRLF, the dots of the wire taken off. */
  readonly content: string;
}

/**
 * Where a connection has come to. `BODY`: data came that is not all of the message; `END`: all of it is there and
 * nothing is kept; `KEPT`: it is kept and not answered; `ANSWERED`: the answer is on its way. Others are the verbs.
 */
export type Moment = 'GREETING' | 'EHLO' | 'AUTH' | 'MAIL' | 'RCPT' | 'DATA' | 'BODY' | 'END' | 'KEPT' | 'ANSWERED';

export interface RecordingServerOptions {
  /**
   * `strict`: CRLF and nothing else ends a line. `lax`: CR, LF and CRLF all do and NUL is not seen, the most generous
   * reading there is: what is one message for it is one for everybody.
   */
  readonly lineEnds?: 'strict' | 'lax';
  /** TLS from the first byte. */
  readonly certificate?: { readonly key: string; readonly cert: string };
  /** Logins it takes by AUTH PLAIN; AUTH is offered where it is given. */
  readonly passwords?: Readonly<Record<string, string>>;
  /**
   * Asked at every moment before anything is said; a reply to give instead, `die` to end as a killed process does.
   * `line` is the command; at `BODY` how many characters there are so far.
   */
  readonly at?: (moment: Moment, line: string) => string | undefined | Promise<string | undefined>;
}

export interface RecordingServer {
  readonly port: number;
  /** All commands of all connections, in order. */
  readonly commands: readonly string[];
  readonly messages: readonly RecordedMessage[];
  /** Connections accepted so far. */
  connections(): number;
  /** Cuts every connection and listens no more, as when the process is killed; what was kept stays kept. */
  die(): void;
  /** Listens again on the same port. */
  revive(): Promise<void>;
  close(): void;
}

interface Recorder {
  readonly options: RecordingServerOptions;
  readonly commands: string[];
  readonly messages: RecordedMessage[];
  die(): void;
}

/** An SMTP server that keeps every message in memory, byte by byte, and can die at any moment of a conversation. */
export async function startRecordingServer(options: RecordingServerOptions = {}): Promise<RecordingServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  let server: Server | null = null;
  const recorder: Recorder = { options, commands: [], messages: [], die };

  function die(): void {
    server?.close();
    server = null;
    for (const socket of sockets) socket.destroy();
  }

  function accept(socket: Socket): void {
    sockets.add(socket);
    connections += 1;
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
    void converse(socket, recorder);
  }

  async function listen(port: number): Promise<number> {
    const { certificate } = options;
    const opened = certificate === undefined ? createServer(accept) : createTlsServer(certificate, accept);
    server = opened;
    opened.listen(port, '127.0.0.1');
    await once(opened, 'listening');
    const address = opened.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return address.port;
  }

  const port = await listen(0);
  return {
    port,
    commands: recorder.commands,
    messages: recorder.messages,
    connections: () => connections,
    die,
    revive: async () => void (await listen(port)),
    close: die,
  };
}

interface Transaction {
  from: string;
  to: string[];
}

async function converse(socket: Socket, recorder: Recorder): Promise<void> {
  const { options, commands } = recorder;
  const lines = readLines(socket, options.lineEnds ?? 'strict');
  const transaction: Transaction = { from: '', to: [] };
  /** Gives the reply of this moment; its first digit, or `gone`. */
  const say = async (moment: Moment | null, line: string, usual: string): Promise<string> => {
    const said = (moment === null ? undefined : await options.at?.(moment, line)) ?? usual;
    if (said === 'die') recorder.die();
    if (socket.destroyed || said === 'die') return 'gone';
    if (said !== '') await new Promise<void>((resolve) => socket.write(`${said}\r\n`, () => resolve()));
    return said.slice(0, 1);
  };
  if ((await say('GREETING', '', '220 recording')) === 'gone') return;
  for (let line = await lines.next(); line !== null; line = await lines.next()) {
    commands.push(line);
    const verb = line.split(' ')[0]?.toUpperCase() ?? '';
    if (verb === 'QUIT') {
      socket.end('221 2.0.0 bye\r\n');
      return;
    }
    const usual = usualReply(verb, line, options);
    const said = await say(isMoment(verb) ? verb : null, line, usual);
    if (said === 'gone') return;
    if (verb === 'MAIL' && said === '2') Object.assign(transaction, { from: pathIn(line), to: [] });
    if (verb === 'RCPT' && said === '2') transaction.to.push(pathIn(line));
    if (verb === 'DATA' && said === '3' && !(await takeMessage(lines, recorder, transaction, say))) return;
  }
  socket.end();
}

async function takeMessage(
  lines: LineReader,
  { options, messages }: Recorder,
  { from, to }: Transaction,
  say: (moment: Moment | null, line: string, usual: string) => Promise<string>,
): Promise<boolean> {
  const content: string[] = [];
  let length = 0;
  for (let line = await lines.next(); line !== '.'; line = await lines.next()) {
    if (line === null) return false;
    content.push(`${line.startsWith('.') ? line.slice(1) : line}\r\n`);
    length += line.length + 2;
    if (lines.isDry() && options.at !== undefined && (await say('BODY', `${length}`, '')) === 'gone') return false;
  }
  const said = await options.at?.('END', '');
  if (said === 'die' || said?.startsWith('4') || said?.startsWith('5')) return (await say(null, '', said)) !== 'gone';
  messages.push({ from, to: [...to], content: content.join('') });
  if ((await say('KEPT', '', `250 2.6.0 kept as ${messages.length}`)) === 'gone') return false;
  return (await say('ANSWERED', '', '')) !== 'gone';
}

function usualReply(verb: string, line: string, { passwords }: RecordingServerOptions): string {
  switch (verb) {
    case 'EHLO': {
      const offers = ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'SIZE 50000000', 'ENHANCEDSTATUSCODES'];
      const all = ['recording', ...offers, ...(passwords === undefined ? [] : ['AUTH PLAIN'])];
      return all.map((offer, index) => `250${index < all.length - 1 ? '-' : ' '}${offer}`).join('\r\n');
    }
    case 'AUTH': {
      const [, user = '', password] = Buffer.from(line.split(' ')[2] ?? '', 'base64')
        .toString()
        .split('\0');
      return password !== undefined && passwords?.[user] === password ? '235 2.7.0 welcome' : '535 5.7.8 no';
    }
    case 'DATA':
      return '354 go ahead';
    case 'MAIL':
    case 'RCPT':
    case 'RSET':
    case 'NOOP':
      return '250 2.0.0 ok';
    default:
      return '500 5.5.2 unknown command';
  }
}

const moments: ReadonlySet<string> = new Set(['EHLO', 'AUTH', 'MAIL', 'RCPT', 'DATA']);

function isMoment(verb: string): verb is Moment {
  return moments.has(verb);
}

function pathIn(line: string): string {
  return /^[^<]*<(.*)>/.exec(line)?.[1] ?? '';
}

interface LineReader {
  /** Null at the end of the connection; a line without its end is none. */
  next(): Promise<string | null>;
  /** Whether what came so far holds no further line. */
  isDry(): boolean;
}

function readLines(socket: Socket, lineEnds: 'strict' | 'lax'): LineReader {
  const waiting: string[] = [];
  let partial = '';
  let ended = false;
  let wake: () => void = () => undefined;
  // A CR at the very end may yet be followed by its LF.
  const end = lineEnds === 'strict' ? /\r\n/ : /\r\n|\n|\r(?!$)/;
  socket.on('data', (chunk: Buffer) => {
    const text = chunk.toString('latin1');
    const pieces = (partial + (lineEnds === 'strict' ? text : text.replaceAll('\0', ''))).split(end);
    partial = pieces.pop() ?? '';
    waiting.push(...pieces);
    wake();
  });
  const onEnd = (): void => {
    ended = true;
    wake();
  };
  socket.on('end', onEnd).on('close', onEnd);
  return {
    async next() {
      for (;;) {
        const line = waiting.shift();
        if (line !== undefined) return line;
        if (ended) return null;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    isDry: () => waiting.length === 0,
  };
}
