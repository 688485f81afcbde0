/** What a command asks of a runtime; one JSON object on a line. */
export type ControlRequest =
  | { readonly ask: 'status' }
  /** Take up the newest revision now, and say what became of it. */
  | { readonly ask: 'take-up'; readonly revision: number }
  | { readonly ask: 'stop'; readonly timeoutMs: number };

/** A revision that could not be put in force whole, and why. */
export interface Refusal {
  readonly revision: number;
  readonly reason: string;
}

export interface DoorStatus {
  readonly name: string;
  readonly protocol: string;
  readonly address: string;
  /** `kept`: no longer wanted so, but what should take its place could not be opened. */
  readonly state: 'open' | 'closed' | 'kept';
  readonly reason?: string;
}

/** `usher status`. `revision` is the one in force. */
export interface RuntimeStatus {
  readonly running: true;
  readonly pid: number;
  readonly frontEnd: string;
  readonly revision: number;
  readonly refused: Refusal | null;
  readonly doors: readonly DoorStatus[];
  readonly sessions: Readonly<Record<string, number>>;
  readonly uptimeMs: number;
  readonly store: string;
  readonly version: string;
  readonly notes: readonly string[];
}

export type ControlAnswer =
  | { readonly answer: 'status'; readonly status: RuntimeStatus }
  | { readonly answer: 'taken-up'; readonly revision: number; readonly refused: Refusal | null }
  | { readonly answer: 'stopped'; readonly sessionsClosed: number }
  | { readonly answer: 'error'; readonly reason: string };

/** Longest line either side accepts. */
export const lineLengthMax = 1024 * 1024;
