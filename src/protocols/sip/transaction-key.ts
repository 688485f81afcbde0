import { hash } from 'node:crypto';
import type { SipRequest, SipVia } from './sip-message.js';

// RFC 3261 §8.1.1.7: what a branch begins with that is unique among all transactions of its sender.
const magicCookie = 'z9hG4bK';
/** Longer ones are kept as a hash of theirs: what a stranger writes does not decide how much memory a key takes. */
const keyLengthMax = 160;

/**
 * The key of the server transaction that a request belongs to, or begins: equal for a request and its copies
 * (RFC 3261 §17.2.3). Not for ACK, which belongs to an INVITE: see `acknowledgedKey`.
 */
export function transactionKey(request: SipRequest): string {
  return keyOf(request, request.method, toTagOf(request));
}

/** The key of the INVITE that a CANCEL is for (RFC 3261 §9.2). */
export function cancelledKey(cancel: SipRequest): string {
  return keyOf(cancel, 'INVITE', toTagOf(cancel));
}

/** The key of the INVITE whose response an ACK acknowledges. `tagOf`: the To tag of our responses, by key. */
export function acknowledgedKey(ack: SipRequest, tagOf: (key: string) => string): string {
  const tag = toTagOf(ack);
  // RFC 3261 §17.2.3: the To tag is compared with that of the response; the INVITE itself had none, or the same.
  if (isUnique(ack.vias[0]?.branch ?? null) || tag === '') return keyOf(ack, 'INVITE', tag);
  const untagged = keyOf(ack, 'INVITE', '');
  return tagOf(untagged) === tag ? untagged : keyOf(ack, 'INVITE', tag);
}

/**
 * What two requests have in common that are one request on two ways (RFC 3261 §8.2.2.2). Null: it cannot be one of
 * these, because it is inside a dialog, has no From tag or belongs to another request.
 */
export function mergeKey(request: SipRequest): string | null {
  const tag = request.from.parameters.get('tag') ?? '';
  if (tag === '' || request.to.parameters.has('tag') || request.method === 'ACK' || request.method === 'CANCEL') {
    return null;
  }
  return short(`${tag}\n${request.callId}\n${request.cseq.number}\n${request.cseq.method}`);
}

function keyOf(request: SipRequest, method: string, toTag: string): string {
  const via = request.vias[0];
  const { callId, cseq, uri } = request;
  // Beyond §17.2.3: gateways that count their branches and have the same private address differ in the Call-ID, which
  // an ACK and a CANCEL share with their INVITE (§9.1, §17.1.1.3).
  if (via && isUnique(via.branch)) return short(`${via.branch}\n${sentBy(via)}\n${method}\n${callId}`);
  // RFC 2543 senders, and a cookie with nothing behind it (RFC 4475 §3.2.1).
  const from = request.from.parameters.get('tag') ?? '';
  return short(`\n${uri}\n${toTag}\n${from}\n${callId}\n${cseq.number}\n${method}\n${via?.text ?? ''}`);
}

function isUnique(branch: string | null): branch is string {
  return branch !== null && branch.length > magicCookie.length && branch.startsWith(magicCookie);
}

function sentBy({ host, port, transport }: SipVia): string {
  // RFC 3261 §18.1.1: the port that is meant where none is given.
  return `${host.toLowerCase()}:${port ?? (transport === 'TLS' ? 5061 : 5060)}`;
}

function toTagOf(request: SipRequest): string {
  return request.to.parameters.get('tag') ?? '';
}

function short(key: string): string {
  return key.length > keyLengthMax ? `#${hash('sha256', key, 'base64')}` : key;
}
