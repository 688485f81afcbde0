import type { Socket } from 'node:net';
import { awaitEvent } from '../net/await-event.js';
import { connectTo } from '../net/connect.js';
import { startTls } from '../net/start-tls.js';
import { writeProxyHeader } from '../net/write-proxy-header.js';
import { ImapCapabilityReader } from '../protocols/imap/read-capabilities.js';
import { PopCapabilityReader } from '../protocols/pop/read-capabilities.js';
import type { CapabilityStep } from '../protocols/sasl/capability-step.js';
import type { Endpoint } from '../topology/endpoints.js';

export interface CapabilityQuestion {
  readonly protocol: 'imap' | 'pop';
  readonly host: string;
  readonly endpoint: Endpoint;
  /** For everything. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** A server was reached but did not say what it can do. */
export class NotTold extends Error {
  override readonly name = 'NotTold';
}

/**
 * Connects to a mailbox server and asks what it can do before a login; it does not log in.
 * Rejects with ConnectFailure, NotTold or the signal's reason.
 */
export async function askCapabilities(question: CapabilityQuestion): Promise<readonly string[]> {
  const { protocol, host, endpoint, timeoutMs, signal } = question;
  const { port, verify, ca, serverName, proxyProtocol, tls } = endpoint;
  const endAtMs = performance.now() + timeoutMs;
  const leftMs = (): number => Math.max(1, endAtMs - performance.now());
  const check = { host, port, verify, ca, serverName, signal };
  // Nobody is behind this connection, as with a balancer's own checks.
  const preface = proxyProtocol === 'none' ? null : writeProxyHeader(proxyProtocol, nobody);
  const tlsFirst = tls === 'implicit' ? 'implicit' : 'none';
  let socket: Socket = await connectTo({ ...check, tls: tlsFirst, timeoutMs, preface });
  try {
    const reader = protocol === 'imap' ? new ImapCapabilityReader(tls) : new PopCapabilityReader(tls);
    for (;;) {
      const step = reader.receive(await nextBytes(socket, leftMs(), signal));
      const asked = step.kind === 'start-tls' ? undefined : takeStep(socket, step);
      if (asked) return asked;
      if (step.kind !== 'start-tls') continue;
      socket = await startTls(socket, { ...check, timeoutMs: leftMs() });
      takeStep(socket, reader.tlsStarted());
    }
  } finally {
    socket.destroySoon();
  }
}

const nobody = { clientAddress: '', clientPort: 0, localAddress: '', localPort: 0 };

/** The capabilities once they were told. */
function takeStep(socket: Socket, step: CapabilityStep): readonly string[] | undefined {
  switch (step.kind) {
    case 'send':
      socket.write(step.text);
      return undefined;
    case 'told':
      socket.write(step.farewell);
      return step.capabilities;
    case 'failed':
      throw new NotTold(step.reason);
    case 'read':
    case 'start-tls':
      return undefined;
  }
}

async function nextBytes(socket: Socket, timeoutMs: number, signal: AbortSignal): Promise<Buffer> {
  for (;;) {
    const bytes = socket.read() as Buffer | null;
    if (bytes !== null) return bytes;
    const awaited = await awaitEvent(socket, 'readable', timeoutMs, signal);
    switch (awaited.kind) {
      case 'happened':
        break;
      case 'timeout':
        throw new NotTold(`no answer within ${Math.round(timeoutMs)} ms`);
      case 'aborted':
        throw awaited.reason;
      case 'failed':
      case 'closed':
        throw new NotTold('the server closed the connection');
    }
  }
}
