/** What one client, or all of them together, may take of a demo server. */
export interface ServerLimits {
  /** Connections of one port at a time; more are closed at once. */
  readonly connectionsMax: number;
  /** Time to sign in, counted from the connection. */
  readonly preLoginTimeoutMs: number;
  /** Silence after the sign-in. */
  readonly idleTimeoutMs: number;
  /** Life of one SMTP connection. */
  readonly smtpSessionTimeoutMs: number;
  /** One line of a command, literals left out. */
  readonly lineBytesMax: number;
  readonly messageBytesMax: number;
  readonly loginFailuresMax: number;
  readonly badCommandsMax: number;
  readonly recipientsMax: number;
}

export const defaultServerLimits: ServerLimits = {
  connectionsMax: 100,
  preLoginTimeoutMs: 60_000,
  // RFC 9051 §5.4: an autologout timer is 30 minutes or more
  idleTimeoutMs: 1_800_000,
  smtpSessionTimeoutMs: 600_000,
  lineBytesMax: 16_384,
  messageBytesMax: 5 * 1024 * 1024,
  loginFailuresMax: 3,
  badCommandsMax: 10,
  recipientsMax: 100,
};
