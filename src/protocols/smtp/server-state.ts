import type { EnvelopeExchange } from './envelope-exchange.js';
import type { ServerOpening } from './server-opening.js';
import type { ServerStage } from './server-step.js';

/** Where a dialogue with a server stands: mostly the command whose reply is awaited. */
export type ServerState =
  | { readonly at: 'opening'; readonly opening: ServerOpening }
  /** `barred`: the server waits for a message that must not come; no byte may be written. */
  | { readonly at: 'ready' | 'data' | 'sending' | 'body' | 'stale' | 'rset' | 'quit' | 'spent' | 'barred' }
  /** `acceptedCount` are the recipients of earlier exchanges of the same transaction. */
  | { readonly at: 'envelope'; readonly exchange: EnvelopeExchange; readonly acceptedCount: number }
  | { readonly at: 'recipients'; readonly acceptedCount: number; readonly smtputf8: boolean };

/** The stage that a failure in this state is reported as. */
export function stageOf(state: ServerState): ServerStage {
  switch (state.at) {
    case 'opening':
      return state.opening.stage;
    case 'envelope':
      return state.exchange.stage;
    case 'data':
    case 'body':
    case 'rset':
      return state.at;
    case 'sending':
      return 'body';
    case 'ready':
    case 'recipients':
    case 'stale':
    case 'quit':
    case 'spent':
    case 'barred':
      break;
  }
  return 'idle';
}
