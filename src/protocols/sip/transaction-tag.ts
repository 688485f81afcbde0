import { hash } from 'node:crypto';

const tagLength = 24;

/**
 * The To tag of our responses in a transaction: 24 hexadecimal digits. `secret`: random and the same while the program
 * runs, so that nobody else can tell the tag before and every response to one request has the same.
 */
export function transactionTag(secret: string, key: string): string {
  // RFC 3261 §8.2.7: the same tag for the same request, state or none; §19.3: at least 32 bits that cannot be guessed.
  return hash('sha256', `${secret}\n${key}`, 'hex').slice(0, tagLength);
}
