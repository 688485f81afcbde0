import type { EstateObjects } from '../build-estate.js';

/** Who a client counts as. */
export type Standing = 'anonymous' | 'user' | 'server' | 'partner';

/** A message at a front end, in plain names. */
export interface OracleQuestion {
  readonly frontEnd: string;
  readonly down: readonly string[];
  readonly localAddress: string | null;
  readonly port: number;
  readonly clientAddress: string | null;
  readonly user: string | null;
  readonly from: string;
  readonly to: readonly string[];
  readonly sizeBytes: number | null;
}

export interface Asked {
  readonly estate: EstateObjects;
  readonly question: OracleQuestion;
}
