import type { Socket } from 'node:net';
import { reasonOf } from '../errors.js';
import { awaitEvent } from '../net/await-event.js';
import { connectTo } from '../net/connect.js';
import type { TlsIdentity } from '../net/tls-settings.js';
import { ResponseReader } from '../protocols/sip/read-response.js';
import type { Gateway } from '../topology/catalogue/catalogue.js';
import { askByDatagram } from './ask-by-datagram.js';
import { type GatewayAnswer, newOptionsQuestion, type OptionsQuestion } from './options-question.js';

export interface GatewayQuestion {
  readonly gateway: Pick<Gateway, 'address' | 'port' | 'transport'>;
  /** The front end's name or address. */
  readonly ownHost: string;
  /** What we show to a gateway that asks over TLS who we are. */
  readonly identity: TlsIdentity | null;
  /** For everything. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Of an answer on a stream, all that comes with it. */
const answerBytesMax = 256 * 1024;

/** Asks a gateway whether it is there. Rejects with the signal's reason alone. */
export async function askGateway(question: GatewayQuestion): Promise<GatewayAnswer> {
  const { gateway, ownHost, timeoutMs, signal } = question;
  try {
    const options = newOptionsQuestion(gateway, ownHost);
    if (gateway.transport !== 'udp') return await askOverStream(question, options);
    return await askByDatagram({ host: gateway.address, port: gateway.port, options, timeoutMs, signal });
  } catch (error) {
    if (signal.aborted) throw error;
    return { kind: 'silent', reason: reasonOf(error) };
  }
}

async function askOverStream(
  { gateway, identity, timeoutMs, signal }: GatewayQuestion,
  options: OptionsQuestion,
): Promise<GatewayAnswer> {
  const endAtMs = performance.now() + timeoutMs;
  const socket = await connectTo({
    host: gateway.address,
    port: gateway.port,
    tls: gateway.transport === 'tls' ? 'implicit' : 'none',
    // Nothing secret is sent, and whoever answers there is there.
    verify: false,
    ca: null,
    serverName: null,
    identity,
    timeoutMs,
    signal,
  });
  try {
    socket.write(options.requestFrom(socket.localPort ?? 0));
    return await readAnswer(socket, options, timeoutMs, endAtMs, signal);
  } finally {
    socket.destroy();
  }
}

async function readAnswer(
  socket: Socket,
  options: OptionsQuestion,
  timeoutMs: number,
  endAtMs: number,
  signal: AbortSignal,
): Promise<GatewayAnswer> {
  const reader = new ResponseReader();
  for (let countBytes = 0; countBytes < answerBytesMax; ) {
    const bytes = socket.read() as Buffer | null;
    if (bytes === null) {
      const awaited = await awaitEvent(socket, 'readable', endAtMs - performance.now(), signal);
      if (awaited.kind === 'aborted') throw awaited.reason;
      if (awaited.kind === 'timeout') return silent(`no answer within ${timeoutMs} ms`);
      if (awaited.kind !== 'happened') return silent('closed the connection without an answer');
      continue;
    }
    countBytes += bytes.length;
    reader.push(bytes);
    for (let step = reader.next(); step.kind !== 'more'; step = reader.next()) {
      if (step.kind === 'broken') return silent(`no SIP: ${step.reason}`);
      if (options.judge(step.response) === 'final') return { kind: 'answered', code: step.response.code };
    }
  }
  return silent('says much, but no answer');
}

const silent = (reason: string): GatewayAnswer => ({ kind: 'silent', reason });
