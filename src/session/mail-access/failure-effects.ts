import type { LoginFailureKind } from '../../protocols/sasl/login-protocol.js';

/** What follows when a login fails, beside the words that the protocol has for it. */
export interface FailureEffect {
  readonly level: 'info' | 'warn' | 'error';
  /**
   * Where else the login is tried: `next-server` also at the next candidate, as long as no credential was sent;
   * `newest-revision` only where the mailbox is on another server by now, which `next-server` asks too.
   */
  readonly retry: 'next-server' | 'newest-revision' | 'never';
  /** What it says of the server it failed at. */
  readonly health: 'good' | 'bad' | 'unknown';
  /** Whether it is held against the client's address. */
  readonly blame: 'client' | 'nobody';
}

export const failureEffects: Readonly<Record<LoginFailureKind, FailureEffect>> = {
  connect: { level: 'warn', retry: 'next-server', health: 'bad', blame: 'nobody' },
  internal: { level: 'error', retry: 'never', health: 'unknown', blame: 'nobody' },
  configuration: { level: 'warn', retry: 'next-server', health: 'unknown', blame: 'nobody' },
  remote: { level: 'warn', retry: 'next-server', health: 'bad', blame: 'nobody' },
  'remote-configuration': { level: 'warn', retry: 'next-server', health: 'unknown', blame: 'nobody' },
  protocol: { level: 'warn', retry: 'next-server', health: 'bad', blame: 'nobody' },
  authentication: { level: 'info', retry: 'newest-revision', health: 'good', blame: 'client' },
  'authentication-temporary': { level: 'warn', retry: 'newest-revision', health: 'unknown', blame: 'nobody' },
  limit: { level: 'warn', retry: 'newest-revision', health: 'good', blame: 'nobody' },
  moving: { level: 'info', retry: 'newest-revision', health: 'good', blame: 'nobody' },
  'out-of-service': { level: 'info', retry: 'never', health: 'unknown', blame: 'nobody' },
};
