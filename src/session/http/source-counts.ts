/** How many connections each address has. */
export interface SourceCounts {
  /** Counts one more, unless the address has `max` already; the result takes it off again, null: it has. */
  enter(address: string, max: number | null): (() => void) | null;
}

export function createSourceCounts(): SourceCounts {
  const counts = new Map<string, number>();
  return {
    enter(address, max) {
      const count = counts.get(address) ?? 0;
      if (max !== null && count >= max) return null;
      counts.set(address, count + 1);
      return () => {
        const left = (counts.get(address) ?? 1) - 1;
        if (left > 0) counts.set(address, left);
        else counts.delete(address);
      };
    },
  };
}
