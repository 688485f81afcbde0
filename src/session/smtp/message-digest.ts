import { createHash } from 'node:crypto';
import type { RawField } from '../../protocols/smtp/message-head.js';

/** Keys of the addresses: what compares equal is written the same. */
export interface DigestEnvelope {
  /** '' for the empty sender. */
  readonly from: string;
  readonly recipients: readonly string[];
}

const transactionDigits = 32;
const bodyDigits = 16;

/** Fields that tell of the way here: a client that comes again by another way has others. */
const wayNames = /^(?:received|return-path)$/i;

/**
 * What `X-Usher-Transaction` says of a message, 32 hexadecimal digits: the same when a client sends the same message
 * again to the same recipients, in any order of them. It is known when the header is whole, and goes ahead of the body:
 * it stands on SHA-256 of the envelope and of the header as the client sent it, the Message-ID among it, but for the
 * fields of its way. Nothing of the body, which has not come yet, is in it; `MessageDigest` adds that for the record.
 */
export function transactionId(
  { from, recipients }: DigestEnvelope,
  fields: ReadonlyArray<Pick<RawField, 'name' | 'raw'>>,
): string {
  const envelope = Buffer.from(`${JSON.stringify([from, ...recipients.toSorted()])}\n`);
  const own = fields.filter(({ name }) => !wayNames.test(name)).map(({ raw }) => raw);
  const hash = createHash('sha256').update(Buffer.concat([envelope, ...own]));
  return hash.digest('hex').slice(0, transactionDigits);
}

/** The id of a transaction together with SHA-256 of the body, for the record: two messages alike in it are one. */
export class MessageDigest {
  readonly #transaction: string;
  readonly #hash = createHash('sha256');

  constructor(transaction: string) {
    this.#transaction = transaction;
  }

  /** The next bytes of what follows the header. */
  push(bytes: Buffer): void {
    this.#hash.update(bytes);
  }

  /** `TRANSACTION-BODY`, of 32 and 16 hexadecimal digits; to be called once. */
  end(): string {
    return `${this.#transaction}-${this.#hash.digest('hex').slice(0, bodyDigits)}`;
  }
}
