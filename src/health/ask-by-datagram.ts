import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';
import { reasonOf } from '../errors.js';
import { readResponse } from '../protocols/sip/read-response.js';
import { nextRepeatMs, transactionTimers } from '../protocols/sip/transaction-timers.js';
import type { GatewayAnswer, OptionsQuestion } from './options-question.js';

export interface DatagramQuestion {
  /** A name, or an address, IPv6 with or without brackets. */
  readonly host: string;
  readonly port: number;
  readonly options: OptionsQuestion;
  /** For everything. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Of a name. */
const addressesMax = 4;
/** Of one question and address; whatever comes beyond is not looked at. */
const datagramsMax = 1000;

/**
 * Asks over UDP, every address of a name at once; the first final response counts, from wherever it comes.
 * Rejects with the signal's reason, or when the name has no address.
 */
export function askByDatagram(question: DatagramQuestion): Promise<GatewayAnswer> {
  const { host, timeoutMs, signal } = question;
  return new Promise<GatewayAnswer>((resolve, reject) => {
    const tries: Try[] = [];
    let trouble: string | null = null;
    let isOver = false;
    const finish = (): void => {
      isOver = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      for (const each of tries) each.close();
    };
    const fail = (error: Error): void => {
      finish();
      reject(error);
    };
    const onAbort = (): void => fail(signal.reason as Error);
    const timer = setTimeout(() => {
      finish();
      resolve({ kind: 'silent', reason: trouble ?? `no answer within ${timeoutMs} ms` });
    }, timeoutMs).unref();
    const listener: TryListener = {
      onAnswer(code) {
        finish();
        resolve({ kind: 'answered', code });
      },
      // There may be another address, and the network may be back for the next copy.
      onTrouble: (error) => (trouble = `could not be asked: ${reasonOf(error)}`),
    };
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) return onAbort();
    addressesOf(host).then((addresses) => {
      if (isOver) return;
      for (const address of addresses) tries.push(new Try(address, question, listener));
    }, fail);
  });
}

async function addressesOf(place: string): Promise<readonly string[]> {
  const host = place.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) !== 0) return [host];
  const answers = await lookup(host, { all: true, order: 'verbatim' });
  return answers.slice(0, addressesMax).map(({ address }) => address);
}

interface TryListener {
  onAnswer(code: number): void;
  onTrouble(error: Error): void;
}

/** The client transaction of one address (RFC 3261 §17.1.2.2); whoever made it sees to timer F. */
class Try {
  readonly #address: string;
  readonly #question: DatagramQuestion;
  readonly #listener: TryListener;
  readonly #socket: Socket;
  #timer: NodeJS.Timeout | null = null;
  #datagramCount = 0;
  #stage: 'trying' | 'proceeding' | 'over' = 'trying';

  constructor(address: string, question: DatagramQuestion, listener: TryListener) {
    this.#address = address;
    this.#question = question;
    this.#listener = listener;
    this.#socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4').unref();
    this.#socket.on('error', (error) => listener.onTrouble(error));
    // Not connected: some gateways answer from another port than they are asked at.
    this.#socket.on('message', (bytes) => this.#take(bytes));
    this.#socket.bind(0, () => this.#begin());
  }

  close(): void {
    if (this.#stage === 'over') return;
    this.#stage = 'over';
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#socket.close();
  }

  #begin(): void {
    if (this.#stage === 'over') return;
    try {
      const request = this.#question.options.requestFrom(this.#socket.address().port);
      this.#send(request, transactionTimers.repeatMs);
    } catch (error) {
      this.#listener.onTrouble(error as Error);
    }
  }

  #send(request: Buffer, repeatMs: number): void {
    this.#socket.send(request, this.#question.port, this.#address, (error) => {
      if (error) this.#listener.onTrouble(error);
    });
    this.#timer = setTimeout(() => {
      // RFC 3261 §17.1.2.2: timer E takes T2 once a provisional response has come.
      const nextMs = this.#stage === 'proceeding' ? transactionTimers.repeatMaxMs : nextRepeatMs(repeatMs);
      this.#send(request, nextMs);
    }, repeatMs).unref();
  }

  #take(bytes: Buffer): void {
    this.#datagramCount += 1;
    const isHeard = this.#stage !== 'over' && this.#datagramCount <= datagramsMax;
    const response = isHeard ? readResponse(bytes) : null;
    if (response === null) return;
    switch (this.#question.options.judge(response)) {
      case 'foreign':
        return;
      case 'provisional':
        this.#stage = 'proceeding';
        return;
      case 'final':
        return this.#listener.onAnswer(response.code);
    }
  }
}
