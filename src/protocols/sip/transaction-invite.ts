import type { Buffer } from 'node:buffer';
import type { TransactionEvent, TransactionResult, TransactionStep, TransactionTransport } from './transaction-step.js';
import { nextRepeatMs, transactionTimers } from './transaction-timers.js';

/** Where an INVITE server transaction stands (RFC 3261 §17.2.1, figure 7). */
export type InviteState =
  /** `last`: the provisional response that answers the INVITE when it comes again; null: none was given yet. */
  | { readonly kind: 'proceeding'; readonly last: Buffer | null }
  /** `repeatMs`: how long timer G runs as things are. */
  | { readonly kind: 'completed'; readonly response: Buffer; readonly repeatMs: number }
  | { readonly kind: 'confirmed' }
  | { readonly kind: 'terminated' };

type Result = TransactionResult<InviteState>;
type State<Kind extends InviteState['kind']> = Extract<InviteState, { kind: Kind }>;

const nothing: readonly TransactionStep[] = [];
const unsent: readonly TransactionStep[] = [{ kind: 'unsent' }];
const waitForAck: TransactionStep = { kind: 'start', timer: 'H', afterMs: transactionTimers.acknowledgeMs };
const firstRepeat: TransactionStep = { kind: 'start', timer: 'G', afterMs: transactionTimers.repeatMs };
const terminated: Result = { state: { kind: 'terminated' }, steps: nothing };
const unacknowledged: Result = { state: { kind: 'terminated' }, steps: [{ kind: 'unacknowledged' }] };
const confirmed: Result = {
  state: { kind: 'confirmed' },
  steps: [
    { kind: 'stop', timer: 'G' },
    { kind: 'stop', timer: 'H' },
    { kind: 'start', timer: 'I', afterMs: transactionTimers.confirmedMs },
  ],
};

export const inviteStart: InviteState = { kind: 'proceeding', last: null };

/** What an event does to an INVITE server transaction. What does not fit the state changes nothing. */
export function advanceInvite(state: InviteState, event: TransactionEvent, transport: TransactionTransport): Result {
  switch (state.kind) {
    case 'proceeding':
      return inProceeding(state, event, transport);
    case 'completed':
      return inCompleted(state, event, transport);
    case 'confirmed':
      return inConfirmed(state, event);
    case 'terminated':
      return { state, steps: nothing };
  }
}

function inProceeding(state: State<'proceeding'>, event: TransactionEvent, transport: TransactionTransport): Result {
  switch (event.kind) {
    case 'request':
      return { state, steps: state.last === null ? nothing : [{ kind: 'send', bytes: state.last }] };
    case 'provisional':
      return { state: { kind: 'proceeding', last: event.bytes }, steps: [{ kind: 'send', bytes: event.bytes }] };
    case 'final': {
      const send: TransactionStep = { kind: 'send', bytes: event.bytes };
      return {
        state: { kind: 'completed', response: event.bytes, repeatMs: transactionTimers.repeatMs },
        steps: transport === 'reliable' ? [waitForAck, send] : [firstRepeat, waitForAck, send],
      };
    }
    // RFC 6026 §7.1: the transaction stays; the next copy of the request may come by a way that works.
    case 'transport-error':
      return { state, steps: unsent };
    case 'ack':
    case 'timer':
      return { state, steps: nothing };
  }
}

function inCompleted(state: State<'completed'>, event: TransactionEvent, transport: TransactionTransport): Result {
  switch (event.kind) {
    case 'request':
      return { state, steps: [{ kind: 'send', bytes: state.response }] };
    case 'ack':
      // RFC 3261 §17.2.1: timer I takes zero seconds over a reliable transport, where no copies of the ACK come.
      return transport === 'reliable' ? terminated : confirmed;
    case 'timer':
      if (event.timer === 'H') return unacknowledged;
      return event.timer === 'G' && transport === 'unreliable' ? repeat(state) : { state, steps: nothing };
    case 'transport-error':
      return { state, steps: unsent };
    case 'provisional':
    case 'final':
      return { state, steps: nothing };
  }
}

function repeat({ response, repeatMs }: State<'completed'>): Result {
  const afterMs = nextRepeatMs(repeatMs);
  return {
    state: { kind: 'completed', response, repeatMs: afterMs },
    steps: [
      { kind: 'start', timer: 'G', afterMs },
      { kind: 'send', bytes: response },
    ],
  };
}

function inConfirmed(state: State<'confirmed'>, event: TransactionEvent): Result {
  return event.kind === 'timer' && event.timer === 'I' ? terminated : { state, steps: nothing };
}
