import { reasonOf } from '../../errors.js';
import { schemeOf, whoDiverted } from '../../protocols/sip/addresses.js';
import type { SipReading, SipRequest, SipResponse } from '../../protocols/sip/sip-message.js';
import { writeResponse } from '../../protocols/sip/write-response.js';
import { componentState } from '../../routing/availability.js';
import { gatewaysOf } from '../../routing/call-gateways.js';
import type { Decision, Target } from '../../routing/decision.js';
import { routeCall } from '../../routing/route-call.js';
import type { Snapshot } from '../door-services.js';
import type { CallServices, SipPeer } from './call-services.js';
import type { Exchange, ReplyPath } from './exchange.js';
import { fieldsOf, refusalOf, responses } from './responses.js';
import { createStrangerLimit, type StrangerLimit } from './stranger-limit.js';
import type { Receipt, Transactions } from './transactions.js';

export interface CallRouterParts {
  readonly services: CallServices;
  readonly transactions: Transactions;
  readonly strangers: StrangerLimit;
  readonly nowMs: () => number;
}

/** An INVITE that is to be routed. */
interface Call {
  readonly request: SipRequest;
  readonly exchange: Exchange;
  readonly peer: SipPeer;
  readonly diversion: string | null;
}

const textMax = 300;

/**
 * Answers SIP requests (RFC 3261 §8.2, §8.3): an INVITE of a gateway with 100 and a redirect to the server of whom it is
 * for, all else as a server without dialogs does. Knows no socket.
 */
export class CallRouter {
  readonly #parts: CallRouterParts;
  /** Of lines in the log. */
  readonly #told: StrangerLimit;

  constructor(parts: CallRouterParts) {
    this.#parts = parts;
    this.#told = createStrangerLimit({ nowMs: parts.nowMs, perAddressMax: 1, allMax: 10 });
  }

  /** A message that came from a peer; what there is to say to it goes by the path. */
  receive(reading: SipReading, peer: SipPeer, path: ReplyPath): void {
    switch (reading.kind) {
      case 'garbage':
      case 'response':
        this.#parts.services.count('calls', { outcome: reading.kind });
        return;
      case 'refused':
        if (!this.knows(peer)) return this.#refuseStranger(reading.request, peer, path);
        return this.#refuse(reading.request, peer, path, reading);
      case 'request':
        if (!this.knows(peer)) return this.#refuseStranger(reading.request, peer, path);
        this.#take(this.#parts.transactions.receive(reading.request, path), reading.request, peer);
    }
  }

  /** Whether a peer is a gateway of ours now, and not switched off. */
  knows({ address, certificateNames }: Pick<SipPeer, 'address' | 'certificateNames'>): boolean {
    const { topology } = this.#parts.services.snapshot();
    return gatewaysOf(topology, { address, certificateNames }).some(({ enabled }) => enabled);
  }

  #take(receipt: Receipt, request: SipRequest, peer: SipPeer): void {
    switch (receipt.kind) {
      case 'copy':
      case 'acknowledged':
      case 'ignored':
        return;
      case 'merged':
        return this.#respond(request, receipt.exchange, peer, responses.merged);
      case 'cancel':
        return this.#cancel(receipt, request, peer);
      case 'new':
        return this.#answer(request, receipt.exchange, peer);
    }
  }

  // RFC 3261 §9.2.
  #cancel({ exchange, cancelled }: Extract<Receipt, { kind: 'cancel' }>, request: SipRequest, peer: SipPeer): void {
    if (cancelled.kind === 'nothing') return this.#respond(request, exchange, peer, responses.noTransaction);
    this.#respond(request, exchange, peer, responses.cancelled);
    if (cancelled.kind === 'pending') {
      this.#respond(cancelled.request, cancelled.exchange, peer, responses.requestTerminated);
    }
  }

  #answer(request: SipRequest, exchange: Exchange, peer: SipPeer): void {
    const isActive = componentState(this.#parts.services.snapshot().frontEnd, 'call-router') === 'active';
    const refusal = refusalOf(request, schemeOf(request.uri));
    if (refusal !== null) return this.#respond(request, exchange, peer, refusal);
    if (request.method === 'OPTIONS') {
      return this.#respond(request, exchange, peer, isActive ? responses.alive : responses.notInService);
    }
    if (exchange.takesProvisional) this.#respond(request, exchange, peer, responses.trying);
    this.#answerCall(request, exchange, peer);
  }

  #answerCall(request: SipRequest, exchange: Exchange, peer: SipPeer): void {
    const { services, nowMs } = this.#parts;
    const startedMs = nowMs();
    const diversion = whoDiverted(request);
    const call = { request, exchange, peer, diversion };
    let decision: Decision;
    try {
      decision = this.#decide(call, services.snapshot());
      // The mailbox may have come to a database that is newer than the snapshot.
      if (decision.reason === 'no-active-server') decision = this.#decide(call, services.freshSnapshot());
    } catch (error) {
      services.log.error(
        { client: peer.address, callId: request.callId.slice(0, textMax), error: reasonOf(error) },
        'fault in a call',
      );
      services.count('calls', { outcome: 'fault' });
      return this.#respond(request, exchange, peer, responses.fault);
    }
    this.#respond(request, exchange, peer, responseTo(decision));
    this.#record({ request, peer, diversion, decision, startedMs });
  }

  #decide({ request, exchange, peer, diversion }: Call, { topology, directory, frontEnd }: Snapshot): Decision {
    const { services } = this.#parts;
    const { availability } = services;
    // Who is answered without being remembered gets the same answer for the same request.
    const rotate = exchange.takesProvisional
      ? (targets: readonly Target[]) => services.rotate(targets)
      : (targets: readonly Target[]) => turnedBy(exchange.toTag, targets);
    const { address, certificateNames, transport } = peer;
    return routeCall({
      topology,
      directory,
      frontEnd,
      availability,
      to: request.uri,
      diversion,
      peer: { address, certificateNames },
      tls: transport === 'tls',
      rotate,
    });
  }

  /** Nothing is kept for a stranger, and not each is answered: who feigns addresses must not have us write to them. */
  #refuseStranger(request: SipRequest, peer: SipPeer, path: ReplyPath): void {
    const { services, strangers } = this.#parts;
    services.count('calls', { outcome: 'stranger' });
    if (request.method === 'ACK' || !strangers.mayAnswer(peer.address)) return;
    const exchange = this.#parts.transactions.answerOnce(request, path);
    this.#respond(request, exchange, peer, responses.forbidden);
    if (request.method !== 'INVITE') return;
    // A gateway that is switched off is no stranger to whoever looks for its calls.
    if (gatewaysOf(services.snapshot().topology, peer).length > 0) this.#recordRefused(request, exchange, peer);
    if (!this.#told.mayAnswer(peer.address)) return;
    services.log.info({ client: peer.address, listener: peer.listener }, 'a call of a stranger was refused');
  }

  #recordRefused(request: SipRequest, exchange: Exchange, peer: SipPeer): void {
    const { services, nowMs } = this.#parts;
    const diversion = whoDiverted(request);
    const decision = this.#decide({ request, exchange, peer, diversion }, services.snapshot());
    this.#record({ request, peer, diversion, decision, startedMs: nowMs() });
  }

  #refuse(
    request: SipRequest,
    peer: SipPeer,
    path: ReplyPath,
    { code, reason }: { readonly code: number; readonly reason: string },
  ): void {
    this.#parts.services.count('calls', { outcome: 'malformed' });
    this.#respond(request, this.#parts.transactions.answerOnce(request, path), peer, { code, reason, fields: [] });
  }

  #respond(request: SipRequest, exchange: Exchange, peer: SipPeer, response: SipResponse): void {
    // Working the tag out is dear, and 100 has none.
    const toTag = response.code === 100 ? '' : exchange.toTag;
    const origin = { received: peer.address, rport: peer.port, toTag };
    exchange.respond(response.code, writeResponse(request, response, origin));
  }

  #record(call: {
    readonly request: SipRequest;
    readonly peer: SipPeer;
    readonly diversion: string | null;
    readonly decision: Decision;
    readonly startedMs: number;
  }): void {
    const { services, nowMs } = this.#parts;
    const { request, peer, diversion, decision, startedMs } = call;
    const atMs = nowMs();
    services.count('calls', { outcome: String(decision.reply?.code ?? '') });
    services.recordCall({
      at: new Date(atMs).toISOString(),
      frontEnd: services.snapshot().frontEnd.name,
      listener: peer.listener,
      transport: peer.transport,
      client: peer.address,
      clientPort: peer.port,
      callId: request.callId.slice(0, textMax),
      from: request.from.uri.slice(0, textMax),
      to: request.to.uri.slice(0, textMax),
      requestUri: request.uri.slice(0, textMax),
      diversion: diversion?.slice(0, textMax) ?? null,
      status: Number(decision.reply?.code ?? 0),
      reason: decision.reason,
      trace: decision.trace,
      server: decision.targets[0]?.server ?? null,
      contact: decision.location,
      durationMs: atMs - startedMs,
    });
  }
}

function responseTo(decision: Decision): SipResponse {
  const { code, text } = decision.reply ?? { code: 500, text: 'Server Internal Error' };
  return { code: Number(code), reason: text, fields: fieldsOf(decision) };
}

/** Equal targets beginning with the one that a tag, which is as good as random, leads to. */
function turnedBy(tag: string, targets: readonly Target[]): readonly Target[] {
  const first = targets.length === 0 ? 0 : Number.parseInt(tag.slice(0, 8), 16) % targets.length;
  return Number.isNaN(first) ? targets : [...targets.slice(first), ...targets.slice(0, first)];
}
