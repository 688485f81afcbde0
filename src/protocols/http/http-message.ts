/** Field lines as they came: name, value, name, value. Values are without the white space around them. */
export type FieldLines = readonly string[];

/** How the end of a body is told (RFC 9112 §6.3). */
export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  /** Only of answers: the connection's end is the body's. */
  | { readonly kind: 'until-close' };

/** The head of a request that two readers are sure to read alike. */
export interface RequestHead {
  readonly method: string;
  /** As it came, in origin or absolute form; or `*`. */
  readonly target: string;
  readonly version: '1.0' | '1.1' | '2';
  readonly fields: FieldLines;
  /** The Host field's value; empty only in HTTP/1.0. */
  readonly host: string;
  readonly framing: BodyFraming;
  /** Whether the client may send another request after this one (RFC 9112 §9.3). */
  readonly isPersistent: boolean;
  /** Whether the client waits for 100 before it sends the body (RFC 9110 §10.1.1). */
  readonly expectsContinue: boolean;
  /** The one protocol of the Upgrade field in lower case; null when Connection does not name it. */
  readonly upgrade: string | null;
}

/** The head of an answer, interim ones too. */
export interface AnswerHead {
  readonly version: '1.0' | '1.1';
  readonly status: number;
  readonly reason: string;
  readonly fields: FieldLines;
  /** For the method that was asked. */
  readonly framing: BodyFraming;
  readonly isPersistent: boolean;
}

/** Why bytes are no message: an HTTP status for a client, and words without bytes of the sender's in them. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
}
