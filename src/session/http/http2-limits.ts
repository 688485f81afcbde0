/** What one HTTP/2 connection may take. */
export interface Http2Limits {
  /** From the end of the TLS handshake to the first request. */
  readonly headTimeoutMs: number;
  /** Without a request, after the first. */
  readonly keepAliveTimeoutMs: number;
  /** For a client that is waited for: that sends nothing of a body that is asked for, or takes nothing of an answer. */
  readonly silenceTimeoutMs: number;
  readonly streamsMax: number;
  /** Of one request's body that nobody has asked for yet. */
  readonly windowBytes: number;
  /** Of all requests' bodies together. */
  readonly heldBytesMax: number;
  /** See `nuisanceWeights`; more than this within `nuisanceTimeMs` ends the connection. */
  readonly nuisancesMax: number;
  readonly nuisanceTimeMs: number;
}

export const http2Limits: Http2Limits = {
  headTimeoutMs: 30_000,
  keepAliveTimeoutMs: 120_000,
  silenceTimeoutMs: 120_000,
  streamsMax: 100,
  windowBytes: 262_144,
  heldBytesMax: 8_388_608,
  nuisancesMax: 1000,
  nuisanceTimeMs: 10_000,
};

/** What makes work and brings nothing, and what each counts. */
export const nuisanceWeights = {
  'streams broken off': 5,
  'settings changed': 5,
  pings: 1,
  'small frames': 1,
} as const;

export type Nuisance = keyof typeof nuisanceWeights;

// Each frame that waits for its reader costs some 150 bytes beside its own.
export const smallFrameBytes = 128;
