import { isAddress } from '../topology/ranges.js';

/** How much of a field is read. */
const readMax = 2000;

/**
 * The address of the client that a server wrote into its Received field, unfolded and without its name; undefined when
 * there is none. What the client called itself stands in the same field, so the place decides and not the order:
 * in a comment (`from x (name [192.0.2.1])`, Postfix, Sendmail and we; `from x (192.0.2.1)`, Exchange and qmail), and
 * only without one in front of it (`from [192.0.2.1] (helo=x)`, Exim). RFC 5321 §4.4.
 */
export function receivedAddress(value: string): string | undefined {
  const field = value.slice(0, readMax);
  if (!/^\s*from\s/i.test(field)) return undefined;
  const { comments, word } = fromClause(field.trimStart().slice(4));
  return lastLiteral(comments) ?? lastBare(comments) ?? literalOf(word) ?? bareOf(word);
}

interface FromClause {
  /** The comments, one behind the other, without what the client said of itself. */
  readonly comments: string;
  /** The first word outside of comments. */
  readonly word: string;
}

/** Cuts the field at `by`, and what is before it into comments and the rest. RFC 5322 §3.2.2: comments nest. */
function fromClause(text: string): FromClause {
  let comments = '';
  let rest = '';
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] as string;
    if (char === '\\' && depth > 0) at += 1;
    else if (char === '(' || char === ')') {
      depth = Math.max(0, depth + (char === '(' ? 1 : -1));
      comments += ' ';
    } else if (depth > 0) comments += char;
    else rest += char;
    if (depth === 0 && /\sby\s$/i.test(rest.slice(-4))) break;
  }
  const claims = /\b(?:helo|ehlo|ident)(?:=|\s+)\S*/gi;
  return { comments: comments.replace(claims, ' '), word: rest.trim().split(/\s+/)[0] ?? '' };
}

const literals = /\[(?:IPv6:)?([0-9a-f:.]{2,45})\]/gi;

function lastLiteral(text: string): string | undefined {
  return [...text.matchAll(literals)].map(([, inner = '']) => inner).findLast(isAddress);
}

function lastBare(text: string): string | undefined {
  return text.split(/[\s,;]+/).findLast(isWholeAddress);
}

function literalOf(word: string): string | undefined {
  const [whole, inner = ''] = /^\[(?:IPv6:)?([0-9a-f:.]{2,45})\](?::\d+)?$/i.exec(word) ?? [];
  return whole !== undefined && isAddress(inner) ? inner : undefined;
}

const bareOf = (word: string): string | undefined => (isWholeAddress(word) ? word : undefined);

function isWholeAddress(word: string): boolean {
  return /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f:.]*:[0-9a-f:.]*)$/i.test(word) && isAddress(word);
}
