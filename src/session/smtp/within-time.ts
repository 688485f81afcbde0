/** Work took longer than it may. */
export class WaitTimeout extends Error {
  override readonly name = 'WaitTimeout';
}

/** Settles as the work does; rejects with a WaitTimeout when that takes longer than `timeoutMs`. The work goes on. */
export function withinTime<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new WaitTimeout(`no answer within ${timeoutMs} ms`)), timeoutMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
