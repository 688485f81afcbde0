import type { SipAddress, SipRequest, SipVia } from '../../../src/protocols/sip/sip-message.js';

interface RequestShape {
  method?: string;
  uri?: string;
  branch?: string | null;
  host?: string;
  port?: number | null;
  transport?: string;
  fromTag?: string | null;
  toTag?: string | null;
  callId?: string;
  cseq?: number;
  totalBytes?: number;
}

function address(uri: string, tag: string | null): SipAddress {
  return {
    uri,
    parameters: new Map(tag === null ? [] : [['tag', tag]]),
    text: tag === null ? `<${uri}>` : `<${uri}>;tag=${tag}`,
  };
}

/** A request as it was read: that of RFC 3261 §24.2, F1, where nothing else is said. */
export function sipRequest(shape: RequestShape = {}): SipRequest {
  const { method = 'INVITE', uri = 'sip:bob@biloxi.com', callId = '3848276298220188511@atlanta.example.com' } = shape;
  const { host = 'pc33.atlanta.com', port = null, transport = 'UDP', cseq = 314159, totalBytes = 600 } = shape;
  const branch = shape.branch === undefined ? 'z9hG4bKnashds8' : shape.branch;
  const sentBy = port === null ? host : `${host}:${port}`;
  const text = `SIP/2.0/${transport} ${sentBy}${branch === null ? '' : `;branch=${branch}`}`;
  const via: SipVia = { transport, host, port, branch, wantsRport: false, text };
  return {
    method,
    uri,
    fields: [],
    vias: [via],
    from: address('sip:alice@atlanta.com', shape.fromTag === undefined ? '1928301774' : shape.fromTag),
    to: address('sip:bob@biloxi.com', shape.toTag ?? null),
    callId,
    cseq: { number: cseq, method },
    maxForwards: 70,
    totalBytes,
  };
}
