import type { Socket } from 'node:net';
import { reasonOf } from '../../errors.js';
import { ConnectFailure } from '../../net/connect-failure.js';
import type { Envelope } from '../../protocols/smtp/envelope.js';
import { describeReply, kindOfReply } from '../../protocols/smtp/replies.js';
import type { ServerFailure, ServerStep } from '../../protocols/smtp/server-step.js';
import { ServerConnection } from '../smtp/server-connection.js';
import { type ServerTls, tlsOf } from '../smtp/server-tls.js';
import type { TransactionDeadlines } from '../smtp/server-transaction.js';
import { connectionOptions, type HostRequest, type TlsDemand } from './open-at-host.js';
import type { OutboundHost } from './outbound-host.js';
import { type CertificateCheck, type ProbedTls, probedTls } from './probed-tls.js';

/** `>` said by us, `<` heard from the host, `*` a remark. */
export interface DialogueLine {
  readonly direction: '>' | '<' | '*';
  readonly text: string;
}

/** What came of speaking to a host up to its word on the recipient, or on the sender where there is no recipient. */
export interface HostProbe {
  /** As it is named. */
  readonly host: string;
  readonly address: string;
  readonly port: number;
  /** `refused`: by the host's word on sender or recipient; `failed`: it did not come to that. */
  readonly outcome: 'accepted' | 'refused' | 'failed';
  /** The host's last word where it accepts. */
  readonly reason: string;
  /** Null: nothing protected the conversation, or it did not come to a handshake. */
  readonly tls: ProbedTls | null;
  /** Without credentials. */
  readonly dialogue: readonly DialogueLine[];
  /** With the handshake of implicit TLS; null: there was no connection. */
  readonly connectMs: number | null;
}

/** Until when the conversation goes, and how each step of it is bounded. */
export interface ProbeRequest extends Pick<HostRequest, 'connector' | 'heloName' | 'login' | 'identity'> {
  readonly deadlines: Pick<TransactionDeadlines, 'connectTimeoutMs' | 'replyTimeoutMs'>;
  /** With one recipient or none. */
  readonly envelope: Envelope;
  /** For the host as a whole. */
  readonly timeoutMs: number;
}

const goodbyeTimeoutMs = 5000;

/** Speaks to a host as mail would, up to RCPT and never further. Never rejects for faults of others. */
export async function probeHost(
  host: OutboundHost,
  demand: TlsDemand,
  remarks: readonly string[],
  request: ProbeRequest,
): Promise<HostProbe> {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), request.timeoutMs);
  const probe = new Probe(host, { ...request, signal: patience.signal });
  for (const remark of remarks) probe.note('*', remark);
  try {
    return await probe.run(demand);
  } finally {
    clearTimeout(timer);
  }
}

/** What a try came to; `no-tls`: the handshake failed where none was demanded. */
type Tried = Pick<HostProbe, 'outcome' | 'reason'> | { readonly outcome: 'no-tls'; readonly reason: string };

class Probe {
  readonly #host: OutboundHost;
  readonly #request: ProbeRequest & Pick<HostRequest, 'signal'>;
  readonly #dialogue: DialogueLine[] = [];
  #tls: ProbedTls | null = null;
  #connectMs: number | null = null;

  constructor(host: OutboundHost, request: ProbeRequest & Pick<HostRequest, 'signal'>) {
    this.#host = host;
    this.#request = request;
  }

  note(direction: DialogueLine['direction'], text: string): void {
    this.#dialogue.push({ direction, text });
  }

  async run(demand: TlsDemand): Promise<HostProbe> {
    const first = await this.#try(demand);
    const { outcome, reason } = first.outcome === 'no-tls' ? await this.#inTheClear(first.reason) : first;
    const { name, address, port } = this.#host;
    const dialogue = this.#dialogue;
    return { host: name, address, port, outcome, reason, tls: this.#tls, dialogue, connectMs: this.#connectMs };
  }

  /** As mail would, but never with a password. */
  async #inTheClear(reason: string): Promise<Pick<HostProbe, 'outcome' | 'reason'>> {
    if (this.#request.login.credentials !== null) return { outcome: 'failed', reason };
    this.note('*', `${reason}; once more without TLS`);
    const second = await this.#try({ kind: 'none', name: null });
    return second.outcome === 'no-tls' ? { outcome: 'failed', reason: second.reason } : second;
  }

  async #try(demand: TlsDemand): Promise<Tried> {
    const { signal, deadlines, login } = this.#request;
    const beganMs = performance.now();
    let connection: ServerConnection;
    try {
      connection = await ServerConnection.open({
        ...connectionOptions(this.#host, demand, this.#request),
        trace: (direction, text) => this.note(direction, text),
        onSocket: (socket) => this.#takeSocket(socket, beganMs, demand),
      });
    } catch (error) {
      if (!(error instanceof ConnectFailure) && !signal.aborted) throw error;
      if (error instanceof ConnectFailure && error.stage === 'tls') await this.#lookAtCertificate(demand, error);
      return { outcome: 'failed', reason: this.#wordsOf(reasonOf(error)) };
    }
    try {
      const step = await connection.next(deadlines.replyTimeoutMs);
      if (step.kind !== 'ready') return await this.#unopened(step, demand);
      if (login.credentials !== null) this.note('*', `logged in as ${login.credentials.user}`);
      const tried = await this.#ask(connection);
      await sayGoodbye(connection, Math.min(goodbyeTimeoutMs, deadlines.replyTimeoutMs));
      return tried;
    } finally {
      connection.drop();
    }
  }

  async #unopened(step: ServerStep, demand: TlsDemand): Promise<Tried> {
    if (step.kind !== 'failed') return { outcome: 'failed', reason: `the dialogue came to "${step.kind}"` };
    const { stage, reply, reason } = step;
    const isHandshake = stage === 'starttls' && reply === null && this.#wasSaid('STARTTLS');
    if (isHandshake && demand.kind === 'opportunistic' && !this.#request.signal.aborted) {
      return { outcome: 'no-tls', reason };
    }
    if (isHandshake) await this.#lookAtCertificate(demand, new Error(reason));
    return { outcome: 'failed', reason: this.#wordsOf(`${stage}: ${reason}`) };
  }

  /** MAIL and RCPT. */
  async #ask(connection: ServerConnection): Promise<Tried> {
    const { envelope, deadlines } = this.#request;
    const step = await connection.ask((dialogue) => dialogue.startTransaction(envelope), deadlines.replyTimeoutMs);
    switch (step.kind) {
      case 'recipients': {
        const [answer] = step.replies;
        if (answer === undefined) return { outcome: 'accepted', reason: this.#lastHeard() };
        const isTaken = kindOfReply(answer.reply) === 'done';
        return { outcome: isTaken ? 'accepted' : 'refused', reason: describeReply(answer.reply) };
      }
      case 'unsendable':
        return { outcome: 'refused', reason: describeReply(step.reply) };
      case 'failed':
        return this.#failedAt(step);
      default:
        return { outcome: 'failed', reason: `the dialogue came to "${step.kind}"` };
    }
  }

  #failedAt({ stage, reply, reason }: ServerFailure): Tried {
    // RFC 5321 §3.8: 421 is about the connection, whatever it answers.
    const isRefusal = reply !== null && reply.code >= 400 && reply.code !== 421;
    return { outcome: isRefusal ? 'refused' : 'failed', reason: this.#wordsOf(`${stage}: ${reason}`) };
  }

  /** A certificate that was not good enough is looked at once more without being checked, to tell what it says. */
  async #lookAtCertificate(demand: TlsDemand, failure: Error): Promise<void> {
    if (demand.kind !== 'verified' || this.#request.signal.aborted) return;
    const { deadlines, login } = this.#request;
    const request = { ...this.#request, login: { ...login, credentials: null } };
    const unchecked: TlsDemand = { kind: 'required', name: demand.name };
    const check: CertificateCheck = { kind: 'failed', reason: failure.message };
    const seen: (ServerTls | null)[] = [];
    try {
      const connection = await ServerConnection.open({
        ...connectionOptions(this.#host, unchecked, request),
        onSocket: (socket) => seen.push(tlsOf(socket)),
      });
      await connection.next(deadlines.replyTimeoutMs);
      connection.quit();
    } catch (error) {
      if (!(error instanceof ConnectFailure) && !this.#request.signal.aborted) throw error;
      this.note('*', `its certificate cannot be looked at either: ${reasonOf(error)}`);
    }
    const tls = seen.at(-1) ?? null;
    if (tls !== null) this.#tls = probedTls(tls, check);
  }

  #takeSocket(socket: Socket, beganMs: number, { kind }: TlsDemand): void {
    if (this.#connectMs === null) {
      this.#connectMs = Math.round((performance.now() - beganMs) * 10) / 10;
      this.note('*', `connected from ${socket.localAddress ?? '?'} in ${this.#connectMs} ms`);
    }
    const tls = tlsOf(socket);
    if (tls === null) return;
    this.#tls = probedTls(tls, { kind: kind === 'verified' ? 'passed' : 'none' });
    this.note('*', `TLS: ${tls.version} ${tls.cipher}`);
  }

  #wordsOf(reason: string): string {
    return this.#request.signal.aborted ? `it took longer than ${this.#request.timeoutMs} ms` : reason;
  }

  #wasSaid(line: string): boolean {
    return this.#dialogue.some(({ direction, text }) => direction === '>' && text === line);
  }

  #lastHeard(): string {
    return this.#dialogue.findLast(({ direction }) => direction === '<')?.text ?? '';
  }
}

/** Where the host has not had enough already. */
async function sayGoodbye(connection: ServerConnection, timeoutMs: number): Promise<void> {
  if (connection.isLost || !connection.isIdle) return;
  await connection.ask((dialogue) => dialogue.quit(), timeoutMs);
}
