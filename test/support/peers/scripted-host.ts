import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';

/**
 * Where a connection has come to. `HANDSHAKE`: STARTTLS was answered, or the host speaks TLS from the first byte;
 * `BODY`: data came that is not all of the message; `END`: all of it is there and nothing is kept; `KEPT`: it is kept
 * and not answered. Others are the greeting and the verbs.
 */
export type HostMoment =
  | 'GREETING'
  | 'EHLO'
  | 'STARTTLS'
  | 'HANDSHAKE'
  | 'AUTH'
  | 'MAIL'
  | 'RCPT'
  | 'DATA'
  | 'BODY'
  | 'END'
  | 'KEPT'
  | 'QUIT';

/**
 * `die`: as a killed process does; `cut`: this connection ends; `hang`: no further word; `stall`: nor is anything read;
 * a reply in place of the usual one.
 */
export type HostDeed = 'die' | 'cut' | 'hang' | 'stall' | { readonly say: string };

export interface ScriptedHostOptions {
  /** An address of 127.0.0.0/8; default 127.0.0.1. */
  readonly address?: string;
  /** Default: a free one. */
  readonly port?: number;
  readonly tls?: {
    readonly certificate: { readonly key: string; readonly cert: string };
    /** Default `starttls`. */
    readonly from?: 'starttls' | 'first-byte';
    /** The authority of the certificates that clients are asked for; PEM. */
    readonly clientCa?: string;
  };
  /** Logins taken by AUTH PLAIN and LOGIN; AUTH is offered where it is given. */
  readonly passwords?: Readonly<Record<string, string>>;
  /** In bytes; default 50,000,000. */
  readonly sizeMax?: number;
  /** Asked at every moment before anything is said. `line`: the command; at `BODY` how many characters there are so far. */
  readonly at?: (moment: HostMoment, line: string) => HostDeed | undefined | Promise<HostDeed | undefined>;
}

/** A message that was taken, and over what it came. */
export interface HostMessage {
  readonly from: string;
  readonly to: readonly string[];
  /** Header and body, a character a byte, lines ended by CRLF, the dots of the wire taken off. */
  readonly content: string;
  /** Connections are counted from 1. */
  readonly connection: number;
  readonly tls: 'none' | 'secure';
  readonly user: string | null;
  /** The common name of the client's certificate; null: none was shown, or nobody trusts it. */
  readonly clientCertificate: string | null;
}

export interface HostCommand {
  readonly line: string;
  readonly connection: number;
  readonly tls: 'none' | 'secure';
}

export interface ScriptedHost {
  readonly address: string;
  readonly port: number;
  /** All of all connections, in order. */
  readonly commands: readonly HostCommand[];
  readonly messages: readonly HostMessage[];
  /** Connections so far, and the most there were at one time; one is over when QUIT was answered or the other end closed. */
  connections(): { readonly total: number; readonly peak: number };
  /** Cuts every connection and listens no more; what was kept stays kept. */
  die(): void;
  /** Listens again on the same port. */
  revive(): Promise<void>;
  close(): void;
}

interface Shared {
  readonly options: ScriptedHostOptions;
  readonly context: SecureContext | null;
  readonly commands: HostCommand[];
  readonly messages: HostMessage[];
  readonly die: () => void;
}

/** An SMTP server that keeps messages in memory and does what it is told at any moment of a conversation. */
export async function startScriptedHost(options: ScriptedHostOptions = {}): Promise<ScriptedHost> {
  const { address = '127.0.0.1', tls } = options;
  const sockets = new Set<Socket>();
  const talking = new Set<Socket>();
  let total = 0;
  let peak = 0;
  let server: Server | null = null;
  const context =
    tls === undefined ? null : createSecureContext({ ...tls.certificate, ...(tls.clientCa && { ca: tls.clientCa }) });
  const shared: Shared = { options, context, commands: [], messages: [], die };

  function die(): void {
    server?.close();
    server = null;
    for (const socket of sockets) socket.destroy();
  }

  function accept(socket: Socket): void {
    sockets.add(socket);
    talking.add(socket);
    total += 1;
    peak = Math.max(peak, talking.size);
    socket.setNoDelay(true);
    const over = (): void => void talking.delete(socket);
    socket.on('error', () => socket.destroy()).on('end', over);
    socket.on('close', () => {
      over();
      sockets.delete(socket);
    });
    void new HostConversation(socket, shared, total).run().then(over);
  }

  async function listen(port: number): Promise<number> {
    server = createServer(accept).listen(port, address);
    await once(server, 'listening');
    const bound = server.address();
    if (bound === null || typeof bound === 'string') throw new Error('no port');
    return bound.port;
  }

  const port = await listen(options.port ?? 0);
  return {
    address,
    port,
    commands: shared.commands,
    messages: shared.messages,
    connections: () => ({ total, peak }),
    die,
    revive: async () => void (await listen(port)),
    close: die,
  };
}

/** What becomes of a connection after a reply: its first digit, or `gone`. */
type Said = 'gone' | 'silent' | '2' | '3' | '4' | '5' | 'other';

class HostConversation {
  readonly #shared: Shared;
  readonly #connection: number;
  #socket: Socket;
  #lines: LineReader;
  #from = '';
  #to: string[] = [];
  #user: string | null = null;

  constructor(socket: Socket, shared: Shared, connection: number) {
    this.#socket = socket;
    this.#shared = shared;
    this.#connection = connection;
    this.#lines = new LineReader(socket);
  }

  async run(): Promise<void> {
    const { options, commands } = this.#shared;
    if (options.tls?.from === 'first-byte' && !(await this.#secure())) return;
    if ((await this.#say('GREETING', '', '220 scripted ESMTP')) === 'gone') return;
    for (let line = await this.#lines.next(); line !== null; line = await this.#lines.next()) {
      commands.push({ line, connection: this.#connection, tls: this.#tls });
      if (!(await this.#obey(line))) return;
    }
    this.#socket.end();
  }

  get #tls(): 'none' | 'secure' {
    return this.#socket instanceof TLSSocket ? 'secure' : 'none';
  }

  /** False where the connection has ended. */
  async #obey(line: string): Promise<boolean> {
    const verb = line.split(' ')[0]?.toUpperCase() ?? '';
    const moment = moments.has(verb) ? (verb as HostMoment) : null;
    const said = await this.#say(moment, line, this.#usualReply(verb, line));
    if (said === 'gone') return false;
    switch (verb) {
      case 'EHLO':
      case 'RSET':
        this.#from = '';
        this.#to = [];
        return true;
      case 'STARTTLS':
        return said !== '2' || (await this.#secure());
      case 'AUTH':
        if (said === '2') this.#user = credentialsIn(line)[0] ?? null;
        return said !== '3' || (await this.#logIn(line));
      case 'MAIL':
        this.#to = [];
        this.#from = pathIn(line);
        return true;
      case 'RCPT':
        if (said === '2') this.#to.push(pathIn(line));
        return true;
      case 'DATA':
        return said !== '3' || (await this.#takeMessage());
      case 'QUIT':
        this.#socket.end();
        return false;
      default:
        return true;
    }
  }

  async #secure(): Promise<boolean> {
    const { options, context } = this.#shared;
    if (context === null || (await this.#do('HANDSHAKE', '')) === 'gone') return false;
    this.#lines.detach();
    const asks = options.tls?.clientCa !== undefined;
    const socket = new TLSSocket(this.#socket, {
      isServer: true,
      secureContext: context,
      requestCert: asks,
      rejectUnauthorized: false,
    });
    socket.on('error', () => socket.destroy());
    const isSecure = await new Promise<boolean>((resolve) => {
      socket.once('secure', () => resolve(true)).once('close', () => resolve(false));
    });
    this.#socket = socket;
    this.#lines = new LineReader(socket);
    return isSecure;
  }

  /** AUTH LOGIN, and AUTH PLAIN without an initial response. */
  async #logIn(line: string): Promise<boolean> {
    const { passwords = {} } = this.#shared.options;
    const first = decoded((await this.#lines.next()) ?? '');
    const isPlain = /^AUTH PLAIN/i.test(line);
    if (!isPlain && (await this.#say(null, '', '334 UGFzc3dvcmQ6')) === 'gone') return false;
    const [user = '', password] = isPlain
      ? first.split('\0').slice(1)
      : [first, decoded((await this.#lines.next()) ?? '')];
    const isRight = password !== undefined && passwords[user] === password;
    if (isRight) this.#user = user;
    return (await this.#say(null, '', isRight ? welcome : wrong)) !== 'gone';
  }

  async #takeMessage(): Promise<boolean> {
    const content: string[] = [];
    let length = 0;
    for (;;) {
      const line = this.#lines.take() ?? (await this.#lines.next());
      if (line === '.') break;
      if (line === null) return false;
      content.push(`${line.startsWith('.') ? line.slice(1) : line}\r\n`);
      length += line.length + 2;
      if (this.#lines.isDry && (await this.#do('BODY', `${length}`)) === 'gone') return false;
    }
    const said = await this.#do('END', '');
    if (said !== 'silent') return said !== 'gone';
    const { messages, options } = this.#shared;
    messages.push({
      from: this.#from,
      to: [...this.#to],
      content: content.join(''),
      connection: this.#connection,
      tls: this.#tls,
      user: this.#user,
      clientCertificate: clientOf(this.#socket, options.tls?.clientCa),
    });
    return (await this.#say('KEPT', '', `250 2.6.0 kept as ${messages.length}`)) !== 'gone';
  }

  async #say(moment: HostMoment | null, line: string, usual: string): Promise<Said> {
    const done = moment === null ? 'silent' : await this.#do(moment, line);
    return done === 'silent' ? this.#write(usual) : done;
  }

  /** What is to be done at a moment other than the usual; `silent`: nothing. */
  async #do(moment: HostMoment, line: string): Promise<Said> {
    const { options, die } = this.#shared;
    const deed = await options.at?.(moment, line);
    if (deed === undefined) return this.#socket.destroyed ? 'gone' : 'silent';
    if (typeof deed === 'object') return this.#write(deed.say);
    if (deed === 'die') die();
    else if (deed === 'cut') this.#socket.destroy();
    else if (!this.#socket.destroyed) {
      if (deed === 'stall') this.#socket.pause();
      // Until the other end has had enough.
      await once(this.#socket, 'close');
    }
    return 'gone';
  }

  async #write(text: string): Promise<Said> {
    if (this.#socket.destroyed) return 'gone';
    await new Promise<void>((resolve) => this.#socket.write(`${text}\r\n`, () => resolve()));
    const digit = text.slice(0, 1);
    return digit === '2' || digit === '3' || digit === '4' || digit === '5' ? digit : 'other';
  }

  #usualReply(verb: string, line: string): string {
    const { passwords, tls, sizeMax = 50_000_000 } = this.#shared.options;
    switch (verb) {
      case 'EHLO': {
        const offers = ['scripted', 'PIPELINING', '8BITMIME', 'SMTPUTF8', `SIZE ${sizeMax}`, 'ENHANCEDSTATUSCODES'];
        if (tls !== undefined && this.#tls === 'none') offers.push('STARTTLS');
        if (passwords !== undefined) offers.push('AUTH PLAIN LOGIN');
        return offers.map((offer, index) => `250${index < offers.length - 1 ? '-' : ' '}${offer}`).join('\r\n');
      }
      case 'STARTTLS':
        return tls === undefined ? '502 5.5.1 no TLS here' : '220 2.0.0 go ahead';
      case 'AUTH': {
        const [user, password] = credentialsIn(line);
        if (user === undefined) return /^AUTH LOGIN/i.test(line) ? '334 VXNlcm5hbWU6' : '334 ';
        return password !== undefined && passwords?.[user] === password ? welcome : wrong;
      }
      case 'HELO':
        return '250 scripted';
      case 'DATA':
        return this.#to.length > 0 ? '354 go ahead' : '554 5.5.1 no valid recipients';
      case 'QUIT':
        return '221 2.0.0 bye';
      case 'MAIL':
      case 'RCPT':
      case 'RSET':
      case 'NOOP':
        return '250 2.0.0 ok';
      default:
        return '500 5.5.2 unknown command';
    }
  }
}

const moments: ReadonlySet<string> = new Set(['EHLO', 'STARTTLS', 'AUTH', 'MAIL', 'RCPT', 'DATA', 'QUIT']);
const welcome = '235 2.7.0 welcome';
const wrong = '535 5.7.8 wrong user or password';

const decoded = (text: string): string => Buffer.from(text, 'base64').toString();

/** User and password of AUTH PLAIN with an initial response. */
function credentialsIn(line: string): string[] {
  const response = /^AUTH PLAIN (\S+)$/i.exec(line)?.[1];
  return response === undefined ? [] : decoded(response).split('\0').slice(1);
}

function pathIn(line: string): string {
  return /^[^<]*<(.*)>/.exec(line)?.[1] ?? '';
}

/** Node says whether it trusts a client only of connections that its own TLS server took in. */
function clientOf(socket: Socket, clientCa: string | undefined): string | null {
  const shown = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (shown === undefined || clientCa === undefined) return null;
  if (!shown.verify(new X509Certificate(clientCa).publicKey)) return null;
  return /^CN=(.*)$/m.exec(shown.subject)?.[1] ?? null;
}

class LineReader {
  readonly #socket: Socket;
  readonly #waiting: string[] = [];
  #partial = '';
  #hasEnded = false;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onEnd);
  }

  /** Whether what came so far holds no further line. */
  get isDry(): boolean {
    return this.#waiting.length === 0;
  }

  /** A line that is there already. */
  take(): string | undefined {
    return this.#waiting.shift();
  }

  /** Null at the end of the connection; a line without its end is none. */
  async next(): Promise<string | null> {
    for (;;) {
      const line = this.#waiting.shift();
      if (line !== undefined) return line;
      if (this.#hasEnded) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Leaves the socket to somebody else. */
  detach(): void {
    this.#socket.pause();
    this.#socket.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onEnd);
  }

  readonly #onData = (chunk: Buffer): void => {
    const pieces = (this.#partial + chunk.toString('latin1')).split('\r\n');
    this.#partial = pieces.pop() ?? '';
    this.#waiting.push(...pieces);
    this.#wake();
  };

  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    this.#wake();
  };
}
