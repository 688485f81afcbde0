import { advanceInvite, type InviteState, inviteStart } from './transaction-invite.js';
import { advanceNonInvite, type NonInviteState, nonInviteStart } from './transaction-non-invite.js';
import type { TransactionEvent, TransactionStep, TransactionTransport } from './transaction-step.js';

/** The server's half of one request and its responses (RFC 3261 §17.2): a state, and what each event asks for. */
export class ServerTransaction {
  readonly #transport: TransactionTransport;
  #machine:
    | { readonly kind: 'invite'; readonly state: InviteState }
    | { readonly kind: 'other'; readonly state: NonInviteState };

  constructor(method: string, transport: TransactionTransport) {
    this.#transport = transport;
    this.#machine =
      method === 'INVITE' ? { kind: 'invite', state: inviteStart } : { kind: 'other', state: nonInviteStart };
  }

  /** Pending: no final response was given yet. Ended: nothing is left to do, and it is to be forgotten. */
  get stage(): 'pending' | 'answered' | 'acknowledged' | 'ended' {
    switch (this.#machine.state.kind) {
      case 'trying':
      case 'proceeding':
        return 'pending';
      case 'completed':
        return 'answered';
      case 'confirmed':
        return 'acknowledged';
      case 'terminated':
        return 'ended';
    }
  }

  advance(event: TransactionEvent): readonly TransactionStep[] {
    const machine = this.#machine;
    if (machine.kind === 'invite') {
      const { state, steps } = advanceInvite(machine.state, event, this.#transport);
      if (state !== machine.state) this.#machine = { kind: 'invite', state };
      return steps;
    }
    const { state, steps } = advanceNonInvite(machine.state, event, this.#transport);
    if (state !== machine.state) this.#machine = { kind: 'other', state };
    return steps;
  }
}
