/** What a filter says of a client, a sender or a recipient. `stamp`: go on, and mark the message. */
export type FilterVerdict =
  | { readonly kind: 'pass' }
  /** Let through, and no other filter is asked. */
  | { readonly kind: 'exempt'; readonly why: string }
  | { readonly kind: 'stamp'; readonly why: string; readonly mark: string }
  | {
      readonly kind: 'block';
      readonly why: string;
      readonly reply: { readonly code: number; readonly enhanced: string; readonly text: string };
    };

export const pass: FilterVerdict = { kind: 'pass' };

export function block(code: number, enhanced: string, text: string, why: string): FilterVerdict {
  return { kind: 'block', why, reply: { code, enhanced, text } };
}
