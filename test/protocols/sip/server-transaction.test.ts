import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ServerTransaction } from '../../../src/protocols/sip/server-transaction.js';
import { advanceInvite, type InviteState, inviteStart } from '../../../src/protocols/sip/transaction-invite.js';
import {
  advanceNonInvite,
  type NonInviteState,
  nonInviteStart,
} from '../../../src/protocols/sip/transaction-non-invite.js';
import type {
  TransactionEvent,
  TransactionResult,
  TransactionTransport,
} from '../../../src/protocols/sip/transaction-step.js';

const trying = Buffer.from('100');
const ringing = Buffer.from('180');
const moved = Buffer.from('302');
const late = Buffer.from('503');

const events: Readonly<Record<string, TransactionEvent>> = {
  request: { kind: 'request' },
  ack: { kind: 'ack' },
  provisional: { kind: 'provisional', bytes: ringing },
  final: { kind: 'final', bytes: late },
  G: { kind: 'timer', timer: 'G' },
  H: { kind: 'timer', timer: 'H' },
  I: { kind: 'timer', timer: 'I' },
  J: { kind: 'timer', timer: 'J' },
  error: { kind: 'transport-error' },
};

/** `completed: G=1000 send 302`. */
function told({ state, steps }: TransactionResult<{ kind: string }>): string {
  const words = steps.map((step) => {
    switch (step.kind) {
      case 'send':
        return `send ${step.bytes.toString()}`;
      case 'start':
        return `${step.timer}=${step.afterMs}`;
      case 'stop':
        return `no ${step.timer}`;
      case 'unacknowledged':
      case 'unsent':
        return step.kind;
    }
  });
  return `${state.kind}: ${words.join(', ')}`;
}

const same = '(as it was)';
type Row<State> = readonly [state: State, event: string, unreliable: string, reliable: string];

const fresh = inviteStart;
const tried: InviteState = { kind: 'proceeding', last: trying };
const first: InviteState = { kind: 'completed', response: moved, repeatMs: 500 };
const second: InviteState = { kind: 'completed', response: moved, repeatMs: 1000 };
const slow: InviteState = { kind: 'completed', response: moved, repeatMs: 4000 };
const confirmed: InviteState = { kind: 'confirmed' };
const over = { kind: 'terminated' } as const;

const inviteRows: ReadonlyArray<Row<InviteState>> = [
  [fresh, 'request', same, same],
  [fresh, 'ack', same, same],
  [fresh, 'provisional', 'proceeding: send 180', 'proceeding: send 180'],
  [fresh, 'final', 'completed: G=500, H=32000, send 503', 'completed: H=32000, send 503'],
  [fresh, 'G', same, same],
  [fresh, 'H', same, same],
  [fresh, 'I', same, same],
  [fresh, 'J', same, same],
  [fresh, 'error', 'proceeding: unsent', 'proceeding: unsent'],

  [tried, 'request', 'proceeding: send 100', 'proceeding: send 100'],
  [tried, 'ack', same, same],
  [tried, 'provisional', 'proceeding: send 180', 'proceeding: send 180'],
  [tried, 'final', 'completed: G=500, H=32000, send 503', 'completed: H=32000, send 503'],
  [tried, 'G', same, same],
  [tried, 'H', same, same],
  [tried, 'I', same, same],
  [tried, 'J', same, same],
  [tried, 'error', 'proceeding: unsent', 'proceeding: unsent'],

  [first, 'request', 'completed: send 302', 'completed: send 302'],
  [first, 'ack', 'confirmed: no G, no H, I=5000', 'terminated: '],
  [first, 'provisional', same, same],
  [first, 'final', same, same],
  [first, 'G', 'completed: G=1000, send 302', same],
  [first, 'H', 'terminated: unacknowledged', 'terminated: unacknowledged'],
  [first, 'I', same, same],
  [first, 'J', same, same],
  [first, 'error', 'completed: unsent', 'completed: unsent'],
  [second, 'G', 'completed: G=2000, send 302', same],
  [slow, 'G', 'completed: G=4000, send 302', same],

  [confirmed, 'request', same, same],
  [confirmed, 'ack', same, same],
  [confirmed, 'provisional', same, same],
  [confirmed, 'final', same, same],
  [confirmed, 'G', same, same],
  [confirmed, 'H', same, same],
  [confirmed, 'I', 'terminated: ', 'terminated: '],
  [confirmed, 'J', same, same],
  [confirmed, 'error', same, same],

  ...Object.keys(events).map((event): Row<InviteState> => [over, event, same, same]),
];

const asked: NonInviteState = { kind: 'proceeding', last: trying };
const done: NonInviteState = { kind: 'completed', response: moved };

const otherRows: ReadonlyArray<Row<NonInviteState>> = [
  [nonInviteStart, 'request', same, same],
  [nonInviteStart, 'ack', same, same],
  [nonInviteStart, 'provisional', 'proceeding: send 180', 'proceeding: send 180'],
  [nonInviteStart, 'final', 'completed: J=32000, send 503', 'terminated: send 503'],
  [nonInviteStart, 'G', same, same],
  [nonInviteStart, 'H', same, same],
  [nonInviteStart, 'I', same, same],
  [nonInviteStart, 'J', same, same],
  [nonInviteStart, 'error', same, same],

  [asked, 'request', 'proceeding: send 100', 'proceeding: send 100'],
  [asked, 'ack', same, same],
  [asked, 'provisional', 'proceeding: send 180', 'proceeding: send 180'],
  [asked, 'final', 'completed: J=32000, send 503', 'terminated: send 503'],
  [asked, 'G', same, same],
  [asked, 'H', same, same],
  [asked, 'I', same, same],
  [asked, 'J', same, same],
  [asked, 'error', 'terminated: unsent', 'terminated: unsent'],

  [done, 'request', 'completed: send 302', 'completed: send 302'],
  [done, 'ack', same, same],
  [done, 'provisional', same, same],
  [done, 'final', same, same],
  [done, 'G', same, same],
  [done, 'H', same, same],
  [done, 'I', same, same],
  [done, 'J', 'terminated: ', 'terminated: '],
  [done, 'error', 'terminated: unsent', 'terminated: unsent'],

  ...Object.keys(events).map((event): Row<NonInviteState> => [over, event, same, same]),
];

function checkRows<State extends { kind: string }>(
  rows: ReadonlyArray<Row<State>>,
  advance: (state: State, event: TransactionEvent, transport: TransactionTransport) => TransactionResult<State>,
): void {
  const cases = rows.flatMap(([state, event, unreliable, reliable]) => [
    { state, event, transport: 'unreliable' as const, wanted: unreliable },
    { state, event, transport: 'reliable' as const, wanted: reliable },
  ]);
  test.each(cases)('$state.kind, $event, $transport: $wanted', ({ state, event, transport, wanted }) => {
    const cause = events[event];
    if (!cause) throw new Error(`no event ${event}`);
    const result = advance(state, cause, transport);
    if (wanted === same) expect(result).toStrictEqual({ state, steps: [] });
    else expect(told(result)).toBe(wanted);
  });

  test('the table has every event of every state', () => {
    const seen = new Set(rows.map(([state, event]) => `${state.kind} ${event}`));
    const kinds = new Set(rows.map(([state]) => state.kind));
    expect(kinds.size).toBe(4);
    expect(seen.size).toBe(kinds.size * Object.keys(events).length);
  });
}

describe('INVITE (RFC 3261 figure 7)', () => {
  checkRows(inviteRows, advanceInvite);
});
describe('other requests (RFC 3261 figure 8)', () => {
  checkRows(otherRows, advanceNonInvite);
});

test('timer G doubles from 500 ms to 4 s, and timer H leaves it room for ten copies', () => {
  let result = advanceInvite(inviteStart, { kind: 'final', bytes: moved }, 'unreliable');
  const copiesAtMs: number[] = [];
  let atMs = 0;
  for (;;) {
    const start = result.steps.find((step) => step.kind === 'start' && step.timer === 'G');
    atMs += start?.kind === 'start' ? start.afterMs : Number.NaN;
    if (!(atMs < 32_000)) break;
    copiesAtMs.push(atMs);
    result = advanceInvite(result.state, { kind: 'timer', timer: 'G' }, 'unreliable');
  }
  expect(copiesAtMs).toStrictEqual([500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
});

describe('whatever happens', () => {
  const event = fc.oneof(
    fc.constantFrom<TransactionEvent>(
      { kind: 'request' },
      { kind: 'ack' },
      { kind: 'transport-error' },
      { kind: 'timer', timer: 'G' },
      { kind: 'timer', timer: 'H' },
      { kind: 'timer', timer: 'I' },
      { kind: 'timer', timer: 'J' },
    ),
    fc.record({
      kind: fc.constantFrom('provisional' as const, 'final' as const),
      bytes: fc.string({ minLength: 1, maxLength: 3 }).map((text) => Buffer.from(text)),
    }),
  );
  const happening = fc.tuple(
    fc.constantFrom('INVITE', 'OPTIONS'),
    fc.constantFrom<TransactionTransport>('reliable', 'unreliable'),
    fc.array(event, { maxLength: 40 }),
  );

  test('no more than one final response, and copies of a request get the last response, the very bytes', () => {
    fc.assert(
      fc.property(happening, ([method, transport, happenings]) => {
        const transaction = new ServerTransaction(method, transport);
        let last: Buffer | null = null;
        let final: Buffer | null = null;
        for (const cause of happenings) {
          const { stage } = transaction;
          const sent = transaction.advance(cause).flatMap((step) => (step.kind === 'send' ? [step.bytes] : []));
          expect(sent.length).toBeLessThanOrEqual(1);
          if (stage === 'pending' && (cause.kind === 'provisional' || cause.kind === 'final')) {
            last = cause.bytes;
            expect(sent).toStrictEqual([last]);
          }
          if (stage === 'pending' && cause.kind === 'final') final = cause.bytes;
          if (final && sent[0]) expect(sent[0]).toBe(final);
          if (cause.kind === 'request' && (stage === 'pending' || stage === 'answered')) {
            expect(sent).toStrictEqual(last ? [last] : []);
          }
          if (stage === 'acknowledged' || stage === 'ended') expect(sent).toStrictEqual([]);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('stages go one way only', () => {
    const order = ['pending', 'answered', 'acknowledged', 'ended'];
    fc.assert(
      fc.property(happening, ([method, transport, happenings]) => {
        const transaction = new ServerTransaction(method, transport);
        for (const cause of happenings) {
          const before = order.indexOf(transaction.stage);
          transaction.advance(cause);
          expect(order.indexOf(transaction.stage)).toBeGreaterThanOrEqual(before);
        }
      }),
    );
  });
});
