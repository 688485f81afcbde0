import { Buffer } from 'node:buffer';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import type { Exchange, ReplyPath } from '../../../src/session/sip/exchange.js';
import { type Receipt, Transactions, type TransactionsOptions } from '../../../src/session/sip/transactions.js';
import { sipRequest } from '../../protocols/sip/transaction-request.js';
import { until } from '../../support/until.js';

const trying = Buffer.from('100');
const moved = Buffer.from('302');
const ok = Buffer.from('200');
const cancelled = Buffer.from('487');

/** What a client sees of one way back. */
class Path implements ReplyPath {
  readonly reliable: boolean;
  sent: string[] = [];
  open = true;

  constructor(transport: 'udp' | 'tcp' = 'udp') {
    this.reliable = transport === 'tcp';
  }

  send(bytes: Buffer): boolean {
    if (this.open) this.sent.push(bytes.toString());
    return this.open;
  }
}

let nowMs = 0;
const made: Transactions[] = [];

function table(options: Partial<TransactionsOptions> = {}): Transactions {
  nowMs = 1000;
  const transactions = new Transactions({ secret: 'random of this process', nowMs: () => nowMs, ...options });
  made.push(transactions);
  return transactions;
}

afterEach(() => {
  for (const transactions of made.splice(0)) transactions.close();
});

function pass(transactions: Transactions, ms: number): void {
  for (const endMs = nowMs + ms; nowMs < endMs; ) {
    nowMs = Math.min(endMs, nowMs + 10);
    transactions.fireDue();
  }
}

function exchangeOf(receipt: Receipt, kind: 'new' | 'merged' | 'cancel' = 'new'): Exchange {
  if (receipt.kind !== kind || !('exchange' in receipt)) throw new Error(`${receipt.kind} instead of ${kind}`);
  return receipt.exchange;
}

const numbered = (number: number, shape = {}) =>
  sipRequest({ branch: `z9hG4bK-${number}`, callId: `call-${number}`, ...shape });

describe('INVITE over UDP', () => {
  test('100 is repeated for copies, then 302 by timer G and for copies until the ACK', () => {
    const [transactions, path, other] = [table(), new Path(), new Path()];
    const exchange = exchangeOf(transactions.receive(sipRequest(), path));
    expect(exchange.respond(100, trying)).toBe(true);
    expect(transactions.receive(sipRequest(), path)).toStrictEqual({ kind: 'copy' });
    expect(path.sent).toStrictEqual(['100', '100']);
    expect(exchange.respond(302, moved)).toBe(true);
    pass(transactions, 1600);
    expect(path.sent).toStrictEqual(['100', '100', '302', '302', '302']);
    expect(transactions.receive(sipRequest(), other)).toStrictEqual({ kind: 'copy' });
    expect(other.sent).toStrictEqual(['302']);
    expect(transactions.receive(sipRequest({ method: 'ACK' }), path)).toStrictEqual({ kind: 'acknowledged' });
    expect(transactions.receive(sipRequest({ method: 'ACK' }), path)).toStrictEqual({ kind: 'acknowledged' });
    expect(transactions.receive(sipRequest(), path)).toStrictEqual({ kind: 'copy' });
    pass(transactions, 4990);
    expect(transactions.size).toBe(1);
    pass(transactions, 20);
    expect([transactions.size, transactions.heldBytes]).toStrictEqual([0, 0]);
    expect(path.sent.length).toBe(5);
    expect(transactions.receive(sipRequest({ method: 'ACK' }), path)).toStrictEqual({ kind: 'ignored' });
  });

  test('without an ACK it ends after 32 s and eleven responses, and is counted', () => {
    const [transactions, path] = [table(), new Path()];
    exchangeOf(transactions.receive(sipRequest(), path)).respond(302, moved);
    pass(transactions, 31_990);
    expect(transactions.size).toBe(1);
    pass(transactions, 20_000);
    expect(path.sent).toStrictEqual(Array(11).fill('302'));
    expect([transactions.size, transactions.heldBytes]).toStrictEqual([0, 0]);
    expect(transactions.counts).toStrictEqual({ stateless: 0, unacknowledged: 1, unsent: 0, abandoned: 0 });
  });

  test('a second final response is not taken, nor a provisional one behind it', () => {
    const [transactions, path] = [table(), new Path()];
    const exchange = exchangeOf(transactions.receive(sipRequest(), path));
    expect(exchange.respond(302, moved)).toBe(true);
    expect(exchange.takesProvisional).toBe(false);
    expect(exchange.respond(487, cancelled)).toBe(false);
    expect(exchange.respond(180, trying)).toBe(false);
    expect(path.sent).toStrictEqual(['302']);
  });

  test('a 2xx is a fault of ours', () => {
    const exchange = exchangeOf(table().receive(sipRequest(), new Path()));
    expect(() => exchange.respond(200, ok)).toThrow('no INVITE with 2xx');
  });

  test('an ACK that comes before `send` is back still ends the copies', () => {
    const transactions = table();
    const path = new Path();
    const quick: ReplyPath = {
      reliable: false,
      send: (bytes) => path.send(bytes) && transactions.receive(sipRequest({ method: 'ACK' }), path).kind !== 'new',
    };
    exchangeOf(transactions.receive(sipRequest(), quick)).respond(302, moved);
    pass(transactions, 5010);
    expect(path.sent).toStrictEqual(['302']);
    expect([transactions.size, transactions.heldBytes]).toStrictEqual([0, 0]);
  });

  test('RFC 2543 senders: the ACK is known by the To tag of the response', () => {
    const [transactions, path] = [table(), new Path()];
    const exchange = exchangeOf(transactions.receive(sipRequest({ branch: null }), path));
    exchange.respond(302, moved);
    const ack = (toTag: string) => transactions.receive(sipRequest({ branch: null, method: 'ACK', toTag }), path).kind;
    expect(ack('another')).toBe('ignored');
    expect(ack(exchange.toTag)).toBe('acknowledged');
  });

  test('a response that finds no way back is counted, and a copy of the request gets it', () => {
    const [transactions, path, other] = [table(), new Path(), new Path()];
    path.open = false;
    exchangeOf(transactions.receive(sipRequest(), path)).respond(302, moved);
    expect(transactions.counts.unsent).toBe(1);
    transactions.receive(sipRequest(), other);
    expect(other.sent).toStrictEqual(['302']);
  });
});

describe('INVITE over a connection', () => {
  test('one response, no copies; the ACK ends it at once', () => {
    const [transactions, path] = [table(), new Path('tcp')];
    exchangeOf(transactions.receive(sipRequest(), path)).respond(302, moved);
    pass(transactions, 20_000);
    expect(path.sent).toStrictEqual(['302']);
    transactions.receive(sipRequest({ method: 'ACK' }), path);
    expect([transactions.size, transactions.heldBytes]).toStrictEqual([0, 0]);
  });

  test('without an ACK it ends after 32 s', () => {
    const transactions = table();
    exchangeOf(transactions.receive(sipRequest(), new Path('tcp'))).respond(302, moved);
    pass(transactions, 32_010);
    expect(transactions.size).toBe(0);
    expect(transactions.counts.unacknowledged).toBe(1);
  });

  test('who connects anew while the request is pending gets the response there', () => {
    const [transactions, old, fresh] = [table(), new Path('tcp'), new Path('tcp')];
    const exchange = exchangeOf(transactions.receive(sipRequest(), old));
    old.open = false;
    transactions.receive(sipRequest(), fresh);
    exchange.respond(302, moved);
    expect(fresh.sent).toStrictEqual(['302']);
  });
});

describe('other requests', () => {
  const options = sipRequest({ method: 'OPTIONS' });

  test('over UDP the answer is kept for copies for 32 s', () => {
    const [transactions, path] = [table(), new Path()];
    const exchange = exchangeOf(transactions.receive(options, path));
    expect(transactions.receive(options, path)).toStrictEqual({ kind: 'copy' });
    expect(path.sent).toStrictEqual([]);
    exchange.respond(200, ok);
    pass(transactions, 31_990);
    transactions.receive(options, path);
    expect(path.sent).toStrictEqual(['200', '200']);
    pass(transactions, 20);
    expect([transactions.size, transactions.heldBytes]).toStrictEqual([0, 0]);
  });

  test('over a connection nothing is kept', () => {
    const [transactions, path] = [table(), new Path('tcp')];
    exchangeOf(transactions.receive(options, path)).respond(200, ok);
    expect(path.sent).toStrictEqual(['200']);
    expect([transactions.size, transactions.heldBytes]).toStrictEqual([0, 0]);
  });
});

describe('CANCEL', () => {
  const cancel = sipRequest({ method: 'CANCEL' });

  test('of a pending INVITE: both can be answered, with the same To tag', () => {
    const [transactions, path] = [table(), new Path()];
    const invite = sipRequest();
    const exchange = exchangeOf(transactions.receive(invite, path));
    const receipt = transactions.receive(cancel, path);
    if (receipt.kind !== 'cancel' || receipt.cancelled.kind !== 'pending') throw new Error('not pending');
    expect(receipt.cancelled.request).toBe(invite);
    expect(receipt.exchange.toTag).toBe(exchange.toTag);
    expect(receipt.exchange.respond(200, ok)).toBe(true);
    expect(receipt.cancelled.exchange.respond(487, cancelled)).toBe(true);
    expect(exchange.respond(302, moved)).toBe(false);
    expect(transactions.receive(cancel, path)).toStrictEqual({ kind: 'copy' });
    expect(path.sent).toStrictEqual(['200', '487', '200']);
  });

  test('of an INVITE that was answered: nothing changes', () => {
    const [transactions, path] = [table(), new Path()];
    exchangeOf(transactions.receive(sipRequest(), path)).respond(302, moved);
    expect(transactions.receive(cancel, path)).toMatchObject({ kind: 'cancel', cancelled: { kind: 'answered' } });
  });

  test('of nothing', () => {
    expect(table().receive(cancel, new Path())).toMatchObject({ kind: 'cancel', cancelled: { kind: 'nothing' } });
  });

  test('of an INVITE that there was no room to remember: ignored', () => {
    const transactions = table({ max: 1 });
    transactions.receive(numbered(1), new Path());
    transactions.receive(sipRequest(), new Path());
    expect(transactions.receive(cancel, new Path())).toStrictEqual({ kind: 'ignored' });
  });
});

test('the same request on another way is merged as long as the first is remembered', () => {
  const [transactions, path] = [table(), new Path()];
  exchangeOf(transactions.receive(sipRequest(), path)).respond(302, moved);
  const other = sipRequest({ branch: 'z9hG4bKother' });
  exchangeOf(transactions.receive(other, path), 'merged').respond(482, Buffer.from('482'));
  expect(transactions.receive(other, path)).toStrictEqual({ kind: 'copy' });
  expect(path.sent).toStrictEqual(['302', '482', '482']);
  pass(transactions, 32_010);
  expect(transactions.receive(other, path).kind).toBe('new');
});

describe('without room', () => {
  test('requests are answered without being remembered, with the To tag that they would have had', () => {
    const tag = exchangeOf(table().receive(sipRequest(), new Path())).toTag;
    const [transactions, path] = [table({ max: 2 }), new Path()];
    for (const number of [1, 2]) exchangeOf(transactions.receive(numbered(number), new Path())).respond(302, moved);
    for (const copy of [1, 2]) {
      const exchange = exchangeOf(transactions.receive(sipRequest(), path));
      expect(exchange.takesProvisional).toBe(false);
      expect(exchange.toTag).toBe(tag);
      expect(exchange.respond(100, trying)).toBe(false);
      expect(exchange.respond(302, moved)).toBe(true);
      expect(exchange.respond(302, moved)).toBe(false);
      expect(path.sent).toStrictEqual(Array(copy).fill('302'));
    }
    expect(transactions.receive(sipRequest({ method: 'ACK' }), path)).toStrictEqual({ kind: 'ignored' });
    expect(transactions.size).toBe(2);
    expect(transactions.counts.stateless).toBe(2);
  });

  test('what only waits for stray copies makes way, oldest first', () => {
    const transactions = table({ max: 3 });
    for (const number of [1, 2, 3]) {
      exchangeOf(transactions.receive(numbered(number), new Path())).respond(302, moved);
      if (number !== 2) transactions.receive(numbered(number, { method: 'ACK' }), new Path());
    }
    expect(exchangeOf(transactions.receive(numbered(4), new Path())).takesProvisional).toBe(true);
    expect(transactions.receive(numbered(2), new Path()).kind).toBe('copy');
    expect(transactions.receive(numbered(3), new Path()).kind).toBe('copy');
    expect(transactions.receive(numbered(1), new Path()).kind).toBe('new');
    expect(transactions.receive(numbered(3), new Path()).kind).toBe('new');
    expect(transactions.size).toBe(3);
    expect(transactions.counts.stateless).toBe(1);
  });

  test('bytes are limited too', () => {
    const transactions = table({ heldBytesMax: 100_000 });
    for (let number = 0; number < 100; number += 1) {
      const exchange = exchangeOf(transactions.receive(numbered(number, { totalBytes: 5000 }), new Path()));
      expect(transactions.heldBytes).toBeLessThanOrEqual(100_000);
      exchange.respond(302, Buffer.alloc(5000));
      expect(transactions.heldBytes).toBeLessThanOrEqual(100_000);
    }
    expect(transactions.size).toBeGreaterThan(5);
    expect(transactions.counts.stateless).toBeGreaterThan(50);
  });

  test('a response that is larger than there is room for is sent and not remembered', () => {
    const [transactions, path] = [table({ heldBytesMax: 10_000 }), new Path()];
    const exchange = exchangeOf(transactions.receive(sipRequest(), path));
    exchange.respond(302, Buffer.from('x'.repeat(10_000)));
    expect(path.sent.length).toBe(1);
    expect([transactions.size, transactions.heldBytes]).toStrictEqual([0, 0]);
    pass(transactions, 40_000);
    expect(path.sent.length).toBe(1);
  });
});

test('a secret that could be guessed is refused', () => {
  expect(() => table({ secret: 'short' })).toThrow('too short');
});

test('a stranger is answered once, whatever comes again', () => {
  const [transactions, path] = [table(), new Path()];
  const exchange = transactions.answerOnce(sipRequest(), path);
  expect(exchange.toTag).toBe(transactions.answerOnce(sipRequest(), path).toTag);
  expect(exchange.respond(403, Buffer.from('403'))).toBe(true);
  expect(transactions.size).toBe(0);
  pass(transactions, 40_000);
  expect(path.sent).toStrictEqual(['403']);
});

test('a request that nobody answers is given up after 32 s', () => {
  const [transactions, path] = [table(), new Path()];
  const exchange = exchangeOf(transactions.receive(sipRequest(), path));
  pass(transactions, 32_010);
  expect([transactions.size, transactions.heldBytes]).toStrictEqual([0, 0]);
  expect(transactions.counts.abandoned).toBe(1);
  expect(exchange.respond(302, moved)).toBe(false);
  expect(path.sent).toStrictEqual([]);
});

test('nothing is sent after the table was closed', () => {
  const [transactions, path] = [table(), new Path()];
  exchangeOf(transactions.receive(sipRequest(), path)).respond(302, moved);
  const pending = exchangeOf(transactions.receive(numbered(1), path));
  transactions.close();
  pass(transactions, 40_000);
  expect(pending.respond(302, moved)).toBe(false);
  expect(path.sent).toStrictEqual(['302']);
  expect([transactions.size, transactions.heldBytes]).toStrictEqual([0, 0]);
});

test('whatever comes in whatever order, the limits hold and all is forgotten in the end', () => {
  const message = fc.record({
    method: fc.constantFrom('INVITE', 'INVITE', 'ACK', 'CANCEL', 'OPTIONS'),
    number: fc.nat(8),
    legacy: fc.boolean(),
    way: fc.constantFrom('udp' as const, 'tcp' as const),
    answer: fc.constantFrom('none', 'provisional', 'final'),
    open: fc.boolean(),
    waitMs: fc.constantFrom(0, 0, 600, 6000),
  });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 40 }), (messages) => {
      const transactions = table({ max: 5, heldBytesMax: 20_000 });
      for (const { method, number, legacy, way, answer, open, waitMs } of messages) {
        const path = new Path(way);
        path.open = open;
        const receipt = transactions.receive(numbered(number, { method, ...(legacy ? { branch: null } : {}) }), path);
        const code = method === 'INVITE' ? 302 : 200;
        if ('exchange' in receipt && answer !== 'none')
          receipt.exchange.respond(answer === 'final' ? code : 100, moved);
        nowMs += waitMs;
        transactions.fireDue();
        expect(transactions.size).toBeLessThanOrEqual(5);
        expect(transactions.heldBytes).toBeLessThanOrEqual(20_000);
        if (method === 'ACK') expect(path.sent).toStrictEqual([]);
      }
      nowMs += 40_000;
      transactions.fireDue();
      nowMs += 10_000;
      transactions.fireDue();
      expect([transactions.size, transactions.heldBytes]).toStrictEqual([0, 0]);
      transactions.close();
    }),
    { numRuns: 200 },
  );
});

test('over loopback UDP, by the clock of the machine: copies after 0.5 s and 1 s more, none after the ACK', async () => {
  const server = createSocket('udp4');
  const client = createSocket('udp4');
  const transactions = new Transactions({ secret: 'random of this process' });
  made.push(transactions);
  server.on('message', (bytes, { port, address }) => {
    const path: ReplyPath = {
      reliable: false,
      send: (response) => {
        server.send(response, port, address);
        return true;
      },
    };
    const receipt = transactions.receive(sipRequest({ method: bytes.toString() }), path);
    if (receipt.kind === 'new') receipt.exchange.respond(302, moved);
  });
  const atMs: number[] = [];
  client.on('message', () => atMs.push(performance.now()));
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  client.send('INVITE', port, '127.0.0.1');
  await until('three responses', () => atMs.length === 3);
  client.send('ACK', port, '127.0.0.1');
  await new Promise((resolve) => setTimeout(resolve, 2300));
  server.close();
  client.close();
  expect(atMs.length).toBe(3);
  const gapsMs = atMs.slice(1).map((ms, place) => ms - (atMs[place] ?? 0));
  expect(gapsMs[0]).toBeGreaterThan(480);
  expect(gapsMs[1]).toBeGreaterThan(970);
}, 10_000);
