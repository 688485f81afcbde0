import { expect, test, vi } from 'vitest';
import { watchServerAddresses } from '../../../src/health/server-addresses.js';
import { topologyOf } from '../../support/topology-of.js';

const servers = Array.from({ length: 9 }, (_, index) => ({
  name: `MBX${index}`,
  host: `mbx${index}.contoso.com`,
  site: 'A',
}));
const topology = topologyOf({ sites: [{ name: 'A' }], servers });
const log = { warn: () => undefined } as unknown as Parameters<typeof watchServerAddresses>[0]['log'];

test('names are looked up two at a time, and those that were not found are looked for again soon', async () => {
  vi.useFakeTimers();
  let atOnce = 0;
  let most = 0;
  const asked = new Map<string, number>();
  const addresses = watchServerAddresses({
    topology: () => topology,
    onChange: () => undefined,
    log,
    async addressesOf(name) {
      atOnce += 1;
      most = Math.max(most, atOnce);
      asked.set(name, (asked.get(name) ?? 0) + 1);
      await Promise.resolve();
      atOnce -= 1;
      if (name === 'mbx1.contoso.com' && asked.get(name) === 1) throw new Error('no such name');
      return ['10.0.0.1'];
    },
  });
  try {
    await addresses.refresh();
    expect(most).toBe(2);
    await vi.advanceTimersByTimeAsync(6000);
    expect(asked.get('mbx1.contoso.com')).toBe(2);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(asked.get('mbx1.contoso.com')).toBe(2);
  } finally {
    addresses.close();
    vi.useRealTimers();
  }
});
