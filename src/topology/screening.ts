import type { Domain } from './catalogue/catalogue.js';

/**
 * What a filter says of a client, a sender or a recipient. `exempt`: go on and ask no other filter; `stamp`: go on and
 * mark the message; `thenClose`: the connection ends with the reply.
 */
export type FilterVerdict =
  | { readonly kind: 'pass' }
  | { readonly kind: 'exempt'; readonly why: string }
  | { readonly kind: 'stamp'; readonly why: string; readonly mark: string }
  | {
      readonly kind: 'block';
      readonly why: string;
      readonly reply: { readonly code: number; readonly enhanced: string; readonly text: string };
      readonly thenClose?: true;
    };

/** The filters as they see one stranger's session; made by the filtering room and passed in. */
export interface Screening {
  /** The verdict on the client's address; a block is spoken at every RCPT. */
  readonly client: FilterVerdict;
  sender(from: string): FilterVerdict;
  recipient(recipient: {
    readonly key: string;
    /** The address that the object goes by, where that is another. */
    readonly primaryKey?: string;
    readonly known: boolean;
    readonly domain: Domain | undefined;
  }): FilterVerdict;
  /** Whether a recipient gets mail also from blocked clients. */
  isBypassed(key: string): boolean;
}
