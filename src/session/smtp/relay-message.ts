import type { Readable } from 'node:stream';
import { BodyEncoder } from '../../protocols/smtp/body-encoder.js';
import type { Envelope } from '../../protocols/smtp/envelope.js';
import type { SmtpReply } from '../../protocols/smtp/replies.js';
import { firstOf } from './first-of.js';
import { type Attempt, type Candidate, type OpenedServer, openServer } from './open-server.js';
import { ownReplies } from './own-replies.js';
import type { ServerTransaction, ServerVerdict, TransactionDeadlines } from './server-transaction.js';

/** Whom a message waits for: `verdict` is the server's word after the end of the data. */
export type Waiting = 'client' | 'server' | 'verdict';

export interface RelayRequest {
  /** The message without dot-stuffing; it ends with the data, and closes without an end when the client is lost. */
  readonly body: Readable;
  /** What to put on top, whole lines. */
  readonly header: Buffer;
  /** Bytes of the body; null: no limit. */
  readonly sizeMax: number | null;
  readonly envelope: Envelope;
  /** In the order to try them; or the answer that is certain already. */
  readonly candidates: readonly Candidate[] | SmtpReply;
  readonly heloName: string;
  readonly deadlines: TransactionDeadlines;
  readonly signal: AbortSignal;
  readonly onWait: (waiting: Waiting) => void;
}

/** `answered`: the body came to its end; `overrun`: it went on and on; `client-lost`: it broke off. */
export interface RelayOutcome {
  readonly kind: 'answered' | 'overrun' | 'client-lost';
  readonly reply: SmtpReply;
  readonly server: string | null;
  readonly tried: readonly Attempt[];
  readonly bodyBytes: number;
}

const megabyte = 1024 * 1024;

/**
 * Hands one message on while it comes in, holding no more of it than the buffers of the two connections. Until a
 * server waits for it nothing is read; when none does, or it must not go on, the rest is read and dropped.
 */
export async function relayMessage(request: RelayRequest): Promise<RelayOutcome> {
  const { candidates, onWait } = request;
  onWait('server');
  const opened: OpenedServer =
    'code' in candidates
      ? { kind: 'refused', server: null, reply: candidates, tried: [] }
      : await openServer(candidates, request);
  const { server, tried } = opened;
  const flow = new BodyFlow(request, opened);
  try {
    const { kind, reply } = await flow.run();
    return { kind, reply, server, tried, bodyBytes: flow.bodyBytes };
  } finally {
    // After the server's word this does nothing; before it the server never takes the message.
    if (opened.kind === 'taken' && !flow.isComplete) opened.transaction.drop();
  }
}

class BodyFlow {
  bodyBytes = 0;
  isComplete = false;
  readonly #request: RelayRequest;
  readonly #encoder = new BodyEncoder();
  #transaction: ServerTransaction | null;
  #reply: SmtpReply = ownReplies.noServer;

  constructor(request: RelayRequest, opened: OpenedServer) {
    this.#request = request;
    this.#transaction = opened.kind === 'taken' ? opened.transaction : null;
    if (opened.kind === 'refused') this.#reply = opened.reply;
  }

  async run(): Promise<Pick<RelayOutcome, 'kind' | 'reply'>> {
    await this.#send(this.#request.header);
    const end = await this.#readAll();
    if (end === 'client-lost') return { kind: end, reply: ownReplies.clientLost };
    if (end === 'overrun') return { kind: end, reply: this.#reply };
    const bytes = this.#encoder.end();
    if (this.#encoder.bareLineEnding) this.#refuse(ownReplies.bareLineEnding);
    if (this.#transaction !== null) {
      this.#request.onWait('verdict');
      this.#reply = replyOf(await this.#transaction.finish(bytes));
      this.isComplete = true;
    }
    return { kind: 'answered', reply: this.#reply };
  }

  async #readAll(): Promise<'end' | 'overrun' | 'client-lost'> {
    const { body, signal, onWait, sizeMax } = this.#request;
    const readMax = sizeMax === null ? Number.POSITIVE_INFINITY : 2 * sizeMax + megabyte;
    for (;;) {
      const chunk = body.read() as Buffer | null;
      if (chunk !== null) {
        await this.#take(chunk);
        if (this.bodyBytes > readMax) return 'overrun';
        continue;
      }
      if (body.readableEnded) return 'end';
      if (body.destroyed || signal.aborted) return 'client-lost';
      onWait('client');
      await firstOf(body, ['readable', 'end', 'close'], { signal });
    }
  }

  async #take(chunk: Buffer): Promise<void> {
    const { sizeMax } = this.#request;
    this.bodyBytes += chunk.length;
    if (this.#transaction === null) return;
    if (sizeMax !== null && this.bodyBytes > sizeMax) {
      this.#refuse(ownReplies.tooLarge);
      return;
    }
    const bytes = this.#encoder.encode(chunk);
    if (this.#encoder.bareLineEnding) this.#refuse(ownReplies.bareLineEnding);
    else await this.#send(bytes);
  }

  async #send(bytes: Buffer): Promise<void> {
    if (this.#transaction === null) return;
    this.#request.onWait('server');
    const verdict = await this.#transaction.write(bytes);
    if (verdict === null) return;
    this.#transaction = null;
    this.#reply = replyOf(verdict);
  }

  #refuse(reply: SmtpReply): void {
    if (this.#transaction === null) return;
    this.#transaction.drop();
    this.#transaction = null;
    this.#reply = reply;
  }
}

function replyOf(verdict: ServerVerdict): SmtpReply {
  return verdict.kind === 'lost' ? ownReplies.serverLost : verdict.reply;
}
