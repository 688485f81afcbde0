/** A header field: its name in the long form and lower case (RFC 3261 §7.3.3), its value unfolded and trimmed. */
export interface SipField {
  readonly name: string;
  readonly value: string;
}

/** One Via value (RFC 3261 §20.42, RFC 3581). */
export interface SipVia {
  /** Upper case: UDP, TCP, TLS, ... */
  readonly transport: string;
  /** As it was sent, IPv6 in brackets. */
  readonly host: string;
  readonly port: number | null;
  readonly branch: string | null;
  /** Whether `rport` was given without a value. */
  readonly wantsRport: boolean;
  /** The whole value as it was sent. */
  readonly text: string;
}

/** A From, To, Diversion or History-Info value taken apart. */
export interface SipAddress {
  /** What stands in <>, or the bare URI without the field's parameters. */
  readonly uri: string;
  /** Of the field, names in lower case; a parameter without a value is ''. */
  readonly parameters: ReadonlyMap<string, string>;
  /** The whole value as it was sent. */
  readonly text: string;
}

/** A request that can be answered: everything a response repeats is there and well-formed (RFC 3261 §8.1.1). */
export interface SipRequest {
  /** Case counts. */
  readonly method: string;
  readonly uri: string;
  /** In the order they came, all of them; compact names in the long form. */
  readonly fields: readonly SipField[];
  /** At least one; the first is the hop that the request came from. */
  readonly vias: readonly SipVia[];
  readonly from: SipAddress;
  readonly to: SipAddress;
  readonly callId: string;
  readonly cseq: { readonly number: number; readonly method: string };
  /** Null: not given. */
  readonly maxForwards: number | null;
  /** Of the start line, fields and body together. */
  readonly totalBytes: number;
}

/** What was read of a message. */
export type SipReading =
  | { readonly kind: 'request'; readonly request: SipRequest }
  /** The request must be refused with this status; `request` has what the response repeats. */
  | { readonly kind: 'refused'; readonly request: SipRequest; readonly code: number; readonly reason: string }
  | { readonly kind: 'response'; readonly code: number }
  /** No SIP, or nothing that could be answered; it is dropped. `reason` is for the log. */
  | { readonly kind: 'garbage'; readonly reason: string };

/** A response as it is written: the status, what is repeated of the request, and fields of our own. */
export interface SipResponse {
  readonly code: number;
  readonly reason: string;
  /** Beside Via, From, To, Call-ID, CSeq and Content-Length, in this order. */
  readonly fields: ReadonlyArray<{ readonly name: string; readonly value: string }>;
}
