import type { Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { listenOnLoopback } from '../../net/loopback.js';

/** A message that a scripted server said 250 to; `data` as it came over the wire, without the end. */
export interface TakenMessage {
  readonly from: string;
  readonly to: readonly string[];
  readonly data: string;
}

export interface Script {
  /** The answer to a line (`` is the greeting, `.` the end of the data); undefined: an ordinary one; `drop`: cut. */
  readonly answer?: (line: string) => string | undefined | Promise<string | undefined>;
  readonly capabilities?: readonly string[];
  readonly certificate?: { readonly key: string; readonly cert: string };
  /** Called with every piece of data of a message. */
  readonly onData?: (piece: Buffer, socket: Socket) => void;
  /** Called when DATA was answered. */
  readonly onDataBegin?: (socket: Socket) => void;
  /** Counts data instead of keeping it. */
  readonly forgetful?: boolean;
}

export interface ScriptedServer {
  readonly port: number;
  /** All commands of all connections. */
  readonly commands: string[];
  readonly messages: TakenMessage[];
  readonly sockets: Set<Socket>;
  /** Whether each connection was secure at MAIL. */
  readonly secured: boolean[];
  /** Connections accepted so far. */
  connections(): number;
  bytes(): number;
  close(): void;
}

/** An SMTP server for tests: strict about line ends, with answers that a test chooses. */
export async function startScriptedServer(script: Script = {}): Promise<ScriptedServer> {
  const state = { commands: [] as string[], messages: [] as TakenMessage[], secured: [] as boolean[], bytes: 0 };
  const sockets = new Set<Socket>();
  let connections = 0;
  const loopback = await listenOnLoopback((socket) => {
    // Whoever cuts the connection off does not wait for the answer that a test holds back.
    socket.on('end', () => setTimeout(() => socket.destroy(), 1000).unref());
    sockets.add(socket);
    connections += 1;
    socket.setNoDelay(true);
    socket.on('close', () => sockets.delete(socket));
    converse(socket, script, state, 'plain').catch(() => socket.destroy());
  });
  return {
    ...state,
    port: loopback.port,
    sockets,
    connections: () => connections,
    bytes: () => state.bytes,
    close: () => loopback.close(),
  };
}

interface State {
  readonly commands: string[];
  readonly messages: TakenMessage[];
  readonly secured: boolean[];
  bytes: number;
}

async function converse(socket: Socket, script: Script, state: State, channel: 'plain' | 'secure'): Promise<void> {
  let from = '';
  let to: string[] = [];
  const lines = readLines(socket, script, state);
  const say = async (line: string, usual: string): Promise<boolean> => {
    const text = (await script.answer?.(line)) ?? usual;
    if (text === 'drop') socket.destroy();
    else if (!socket.destroyed) socket.write(`${text}\r\n`);
    return text.startsWith('2') || text.startsWith('3');
  };
  if (channel === 'plain') await say('', '220 scripted');
  for (;;) {
    const line = await lines.next();
    if (line === null) break;
    state.commands.push(line);
    const verb = line.split(' ')[0]?.toUpperCase();
    if (verb === 'EHLO') {
      const offers = [...(script.capabilities ?? ['PIPELINING', '8BITMIME', 'SIZE 50000000', 'ENHANCEDSTATUSCODES'])];
      if (script.certificate !== undefined && channel === 'plain') offers.push('STARTTLS');
      await say(
        line,
        ['scripted', ...offers].map((o, i, all) => `250${i < all.length - 1 ? '-' : ' '}${o}`).join('\r\n'),
      );
    } else if (verb === 'STARTTLS' && script.certificate !== undefined) {
      if (!(await say(line, '220 go ahead'))) continue;
      lines.stop();
      const context = createSecureContext(script.certificate);
      const secure = new TLSSocket(socket, { isServer: true, secureContext: context });
      secure.on('error', () => socket.destroy());
      secure.on('end', () => setTimeout(() => socket.destroy(), 1000).unref());
      return converse(secure, script, state, 'secure');
    } else if (verb === 'PROXY') {
      continue;
    } else if (verb === 'XCLIENT') {
      await say(line, '220 scripted');
    } else if (verb === 'MAIL') {
      from = line;
      to = [];
      state.secured.push(channel === 'secure');
      await say(line, '250 2.1.0 sender ok');
    } else if (verb === 'RCPT') {
      if (await say(line, '250 2.1.5 recipient ok')) to.push(/<(.*)>/.exec(line)?.[1] ?? '');
    } else if (verb === 'DATA') {
      if (!(await say(line, '354 go ahead'))) continue;
      script.onDataBegin?.(socket);
      const data = await lines.data();
      if (data === null) break;
      if (await say('.', '250 2.6.0 taken as 4711')) state.messages.push({ from, to, data });
    } else if (verb === 'QUIT') {
      await say(line, '221 2.0.0 bye');
      socket.end();
      break;
    } else await say(line, '250 2.0.0 ok');
  }
  socket.end();
}

function readLines(socket: Socket, script: Script, state: State) {
  let held = Buffer.alloc(0);
  let inData = false;
  let ended = false;
  let wake: () => void = () => undefined;
  const onData = (chunk: Buffer): void => {
    if (inData) script.onData?.(chunk, socket);
    state.bytes += chunk.length;
    held = Buffer.concat([held, chunk]);
    if (inData && script.forgetful === true) held = held.subarray(-5);
    wake();
  };
  const onEnd = (): void => {
    ended = true;
    wake();
  };
  socket.on('data', onData).on('end', onEnd).on('close', onEnd);
  const take = async (mark: string): Promise<string | null> => {
    for (;;) {
      const at = held.indexOf(mark, 0, 'latin1');
      if (at >= 0) {
        const text = held.toString('latin1', 0, at);
        held = held.subarray(at + mark.length);
        return text;
      }
      if (ended) return null;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return {
    next: () => take('\r\n'),
    async data() {
      inData = true;
      // The data may be empty: the line end of DATA itself counts.
      held = Buffer.concat([Buffer.from('\r\n'), held]);
      const text = await take('\r\n.\r\n');
      inData = false;
      return text === null ? null : `${text.slice(2)}\r\n`;
    },
    stop: () => void socket.off('data', onData).off('end', onEnd).off('close', onEnd),
  };
}
