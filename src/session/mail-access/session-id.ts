import { randomBytes } from 'node:crypto';

const prefix = randomBytes(6).toString('base64url');
let count = 0;

/** A name for one conversation that no other has had, here or in another process; letters, digits, `-` and `_`. */
export function nextSessionId(): string {
  count += 1;
  return `${prefix}${count.toString(36)}`;
}
