import type { EnvelopeExchange } from './envelope-exchange.js';
import type { ServerStage } from './server-step.js';

/** Where a dialogue with a server stands: mostly the command whose reply is awaited. */
export type ServerState =
  | { readonly at: 'greeting' | 'ehlo' | 'helo' | 'starttls' | 'handshake' | 'auth' }
  | { readonly at: 'ready' | 'data' | 'sending' | 'body' | 'stale' | 'rset' | 'quit' | 'spent' }
  | { readonly at: 'envelope'; readonly exchange: EnvelopeExchange }
  | { readonly at: 'recipients'; readonly acceptedCount: number };

/** The stage that a failure in this state is reported as. */
export function stageOf(state: ServerState): ServerStage {
  switch (state.at) {
    case 'greeting':
    case 'starttls':
    case 'auth':
    case 'data':
    case 'body':
    case 'rset':
      return state.at;
    case 'ehlo':
    case 'helo':
      return 'ehlo';
    case 'handshake':
      return 'starttls';
    case 'envelope':
      return state.exchange.stage;
    case 'sending':
      return 'body';
    case 'ready':
    case 'recipients':
    case 'stale':
    case 'quit':
    case 'spent':
      break;
  }
  return 'idle';
}
