import type { Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { keepErrorsHandled } from '../../../src/net/keep-errors-handled.js';
import { readProxyHeader } from '../../../src/net/read-proxy-header.js';
import { terminateTls } from '../../../src/net/terminate-tls.js';
import { listenOnLoopback } from '../../net/loopback.js';

/** What to do about one line of the client: bytes to send, `start-tls` after them, or `close`. */
export type Answer = string | { readonly say: string; readonly next: 'start-tls' | 'close' };

export interface Script {
  readonly greeting: string | null;
  /** `connection` counts from 1. */
  answer(line: string, connection: number): Answer | undefined;
  readonly implicitTls?: boolean;
  /** Connections begin with a PROXY header. */
  readonly proxyHeader?: boolean;
  readonly certificate?: { readonly key: string; readonly cert: string };
  /** Told of each connection; false cuts it at once. */
  admit?(connection: number): boolean;
}

export interface ScriptedServer {
  readonly port: number;
  /** Every line of every connection, in order. */
  readonly lines: string[];
  /** What PROXY headers named as the client, `address:port`. */
  readonly clients: string[];
  readonly connections: () => number;
  readonly openConnections: () => number;
  /** Says something unasked on every open connection. */
  say(text: string): void;
  close(): void;
}

/** A server that answers line by line as its script says. */
export async function startScriptedServer(script: Script): Promise<ScriptedServer> {
  const lines: string[] = [];
  const clients: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  let open = 0;
  const loopback = await listenOnLoopback((socket) => {
    connections += 1;
    open += 1;
    sockets.add(socket);
    socket.once('close', () => {
      open -= 1;
      sockets.delete(socket);
    });
    if (script.admit?.(connections) === false) {
      socket.destroy();
      return;
    }
    void serve(script, socket, { lines, clients, connection: connections });
  });
  const close = (): void => loopback.close();
  const say = (text: string): void => {
    for (const socket of sockets) socket.write(text);
  };
  return {
    port: loopback.port,
    say,
    lines,
    clients,
    connections: () => connections,
    openConnections: () => open,
    close,
  };
}

interface Heard {
  readonly lines: string[];
  readonly clients: string[];
  readonly connection: number;
}

async function serve(script: Script, accepted: Socket, heard: Heard): Promise<void> {
  if (script.proxyHeader === true) {
    const { source } = await readProxyHeader(accepted, 3000);
    heard.clients.push(`${source?.address}:${source?.port}`);
  }
  const socket = script.implicitTls === true ? await toTls(script, accepted) : accepted;
  if (!socket) return;
  if (script.greeting !== null) socket.write(script.greeting);
  listen(script, socket, heard);
}

function listen(script: Script, socket: Socket, heard: Heard): void {
  let held = '';
  const onData = (chunk: Buffer): void => {
    held += chunk.toString('latin1');
    for (let end = held.indexOf('\n'); end >= 0; end = held.indexOf('\n')) {
      const line = held.slice(0, end).replace(/\r$/, '');
      held = held.slice(end + 1);
      heard.lines.push(line);
      const answer = script.answer(line, heard.connection) ?? '';
      socket.write(typeof answer === 'string' ? answer : answer.say);
      if (typeof answer === 'string') continue;
      if (answer.next === 'close') socket.end();
      else {
        socket.off('data', onData).pause();
        void toTls(script, socket).then((secure) => secure && listen(script, secure, heard));
        return;
      }
    }
  };
  socket.on('data', onData).on('end', () => socket.end());
}

/** Undefined when the client turned away; its reasons are the door's business. */
async function toTls(script: Script, socket: Socket): Promise<Socket | undefined> {
  const { certificate } = script;
  if (certificate === undefined) throw new Error('no certificate');
  const context = createSecureContext(certificate);
  keepErrorsHandled(socket);
  return terminateTls(socket, { contextFor: () => context, timeoutMs: 3000, pending: 'handshake' }).then(
    (secure) => secure,
    () => undefined,
  );
}
