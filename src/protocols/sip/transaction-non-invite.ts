import type { Buffer } from 'node:buffer';
import type { TransactionEvent, TransactionResult, TransactionStep, TransactionTransport } from './transaction-step.js';
import { transactionTimers } from './transaction-timers.js';

/** Where the server transaction of another request than INVITE stands (RFC 3261 §17.2.2, figure 8). */
export type NonInviteState =
  | { readonly kind: 'trying' }
  /** `last`: the provisional response that answers the request when it comes again. */
  | { readonly kind: 'proceeding'; readonly last: Buffer }
  | { readonly kind: 'completed'; readonly response: Buffer }
  | { readonly kind: 'terminated' };

type Result = TransactionResult<NonInviteState>;
type State<Kind extends NonInviteState['kind']> = Extract<NonInviteState, { kind: Kind }>;

const nothing: readonly TransactionStep[] = [];
const waitForCopies: TransactionStep = { kind: 'start', timer: 'J', afterMs: transactionTimers.completedMs };
const terminated: Result = { state: { kind: 'terminated' }, steps: nothing };
const lost: Result = { state: { kind: 'terminated' }, steps: [{ kind: 'unsent' }] };

export const nonInviteStart: NonInviteState = { kind: 'trying' };

/** What an event does to the server transaction of another request. What does not fit the state changes nothing. */
export function advanceNonInvite(
  state: NonInviteState,
  event: TransactionEvent,
  transport: TransactionTransport,
): Result {
  switch (state.kind) {
    case 'trying':
      return inTrying(state, event, transport);
    case 'proceeding':
      return inProceeding(state, event, transport);
    case 'completed':
      return inCompleted(state, event);
    case 'terminated':
      return { state, steps: nothing };
  }
}

function inTrying(state: State<'trying'>, event: TransactionEvent, transport: TransactionTransport): Result {
  switch (event.kind) {
    case 'provisional':
      return proceed(event.bytes);
    case 'final':
      return complete(event.bytes, transport);
    // RFC 3261 §17.2.2: copies are discarded until there is something to say. Nothing was sent that could fail.
    case 'request':
    case 'ack':
    case 'timer':
    case 'transport-error':
      return { state, steps: nothing };
  }
}

function inProceeding(state: State<'proceeding'>, event: TransactionEvent, transport: TransactionTransport): Result {
  switch (event.kind) {
    case 'request':
      return { state, steps: [{ kind: 'send', bytes: state.last }] };
    case 'provisional':
      return proceed(event.bytes);
    case 'final':
      return complete(event.bytes, transport);
    case 'transport-error':
      return lost;
    case 'ack':
    case 'timer':
      return { state, steps: nothing };
  }
}

function inCompleted(state: State<'completed'>, event: TransactionEvent): Result {
  switch (event.kind) {
    case 'request':
      return { state, steps: [{ kind: 'send', bytes: state.response }] };
    case 'timer':
      return event.timer === 'J' ? terminated : { state, steps: nothing };
    case 'transport-error':
      return lost;
    case 'ack':
    case 'provisional':
    case 'final':
      return { state, steps: nothing };
  }
}

function proceed(bytes: Buffer): Result {
  return { state: { kind: 'proceeding', last: bytes }, steps: [{ kind: 'send', bytes }] };
}

function complete(response: Buffer, transport: TransactionTransport): Result {
  const send: TransactionStep = { kind: 'send', bytes: response };
  // RFC 3261 §17.2.2: timer J takes zero seconds over a reliable transport, where no copies of the request come.
  if (transport === 'reliable') return { state: { kind: 'terminated' }, steps: [send] };
  return { state: { kind: 'completed', response }, steps: [waitForCopies, send] };
}
