import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** The mailbox servers: two that answer with something small, one that takes uploads and long polls. */
export const mailboxServers = /** @type {const} */ (['mbx0', 'mbx1', 'sink']);

/** @typedef {typeof mailboxServers[number]} MailboxServer */

export const mailboxCount = 100_000;
// The last ones have their mailboxes on the sink.
const sinkFrom = 90_000;
const password = 'correct horse battery staple';

/** @param {number} index */
export const userName = (index) => `user${index}@example.org`;

/**
 * @param {number} index
 * @returns {MailboxServer}
 */
export function serverOfUser(index) {
  if (index >= sinkFrom) return 'sink';
  return index % 2 === 0 ? 'mbx0' : 'mbx1';
}

/**
 * A user whose mailbox is on the sink.
 * @param {number} turn
 */
export const sinkUser = (turn) => sinkFrom + (turn % (mailboxCount - sinkFrom));

/**
 * @param {number} count
 * @returns {number[]} as many different users, from all over those with a mailbox on one of the first two servers
 */
export function scatteredUsers(count) {
  return Array.from({ length: count }, (_, turn) => (turn * 7919) % sinkFrom);
}

/** @param {number} index */
export function authorizationOf(index) {
  return `Basic ${Buffer.from(`${userName(index)}:${password}`).toString('base64')}`;
}

/**
 * Writes a line for each of the 100,000 users.
 * @param {string} file
 * @param {string} head
 * @param {(user: string, server: MailboxServer) => string} lineOf
 */
export async function writeUsers(file, head, lineOf) {
  await pipeline(Readable.from(chunks(head, lineOf)), createWriteStream(file));
}

/**
 * @param {string} head
 * @param {(user: string, server: MailboxServer) => string} lineOf
 */
function* chunks(head, lineOf) {
  yield head;
  for (let first = 0; first < mailboxCount; first += 1000) {
    const users = Array.from({ length: 1000 }, (_, place) => first + place);
    yield users.map((index) => lineOf(userName(index), serverOfUser(index))).join('');
  }
}
