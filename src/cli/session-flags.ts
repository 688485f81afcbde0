import * as Flags from '@oclif/core/flags';
import type { SessionSelection } from '../control/messages.js';
import { UsherError } from '../errors.js';

const protocols = ['smtp', 'imap', 'pop', 'http', 'sip'] as const;

export const sessionFlags = {
  user: Flags.string({ description: 'of this mailbox, by any of its addresses, or login name', helpValue: 'ADDRESS' }),
  server: Flags.string({ description: 'at this mailbox server', helpValue: 'SERVER' }),
  protocol: Flags.string({ description: 'of this protocol', options: [...protocols], helpValue: protocols.join('|') }),
  'client-ip': Flags.string({ description: 'from this address or range', helpValue: 'IP|RANGE' }),
};

interface SessionFlags {
  readonly user?: string | undefined;
  readonly server?: string | undefined;
  readonly protocol?: string | undefined;
  readonly 'client-ip'?: string | undefined;
}

/** The sessions that flags and ids name. */
export function sessionSelection(flags: SessionFlags, ids: readonly string[] | null = null): SessionSelection {
  return {
    ids,
    user: flags.user ?? null,
    server: flags.server ?? null,
    protocol: protocols.find((name) => name === flags.protocol) ?? null,
    clientIp: flags['client-ip'] ?? null,
  };
}

/** Nobody ends every session by leaving something out. */
export function requireSelection(selection: SessionSelection, all: boolean): void {
  const isNarrowed = Object.values(selection).some((value) => value !== null);
  if (isNarrowed && all && selection.ids !== null) throw new UsherError('usage', 'usage', '--all takes no ids');
  if (isNarrowed || all) return;
  const message = 'say which sessions: ids, --user, --server, --protocol, --client-ip, or --all';
  throw new UsherError('usage', 'usage', message, ['usher sessions list', 'usher sessions close --all']);
}
