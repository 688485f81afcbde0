/** How many answers strangers get. */
export interface StrangerLimit {
  /** Whether one more may be written to an address; counted when it may. */
  mayAnswer(address: string): boolean;
}

export interface StrangerLimitOptions {
  readonly nowMs: () => number;
  /** In a second, to one address; default 5. */
  readonly perAddressMax?: number;
  /** In a second, to all; default 500. */
  readonly allMax?: number;
}

const secondMs = 1000;

/** So many answers a second to one stranger, and to all of them; whoever asks more hears nothing. */
export function createStrangerLimit({ nowMs, perAddressMax = 5, allMax = 500 }: StrangerLimitOptions): StrangerLimit {
  let second = Number.NaN;
  let all = 0;
  // At most as many addresses as answers in a second.
  const byAddress = new Map<string, number>();
  return {
    mayAnswer(address) {
      const now = Math.floor(nowMs() / secondMs);
      if (now !== second) {
        second = now;
        all = 0;
        byAddress.clear();
      }
      const count = byAddress.get(address) ?? 0;
      if (all >= allMax || count >= perAddressMax) return false;
      all += 1;
      byAddress.set(address, count + 1);
      return true;
    },
  };
}
