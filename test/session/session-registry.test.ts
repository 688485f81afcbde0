import { expect, test } from 'vitest';
import { createSessionRegistry, type Session } from '../../src/session/session-registry.js';

const session = (protocol: Session['protocol'], more: Partial<Session> = {}): Session => ({
  protocol,
  clientAddress: '10.0.0.1',
  startedAtMs: 0,
  user: null,
  server: null,
  drain: () => undefined,
  destroy: () => undefined,
  ...more,
});

test('every session has a number that no other ever gets, until it is removed', () => {
  const registry = createSessionRegistry();
  const [one, two, three] = [session('imap'), session('pop'), session('imap')];
  const removeOne = registry.open(one);
  const removeTwo = registry.open(two);
  const numbers = [...registry.numbered()].map(([number]) => number);
  removeTwo();
  removeTwo();
  registry.open(three);
  const [first = 0, second = 0] = numbers;
  expect(second).toBe(first + 1);
  expect([...registry.numbered()]).toStrictEqual([
    [first, one],
    [second + 1, three],
  ]);
  expect([registry.find(first), registry.find(second), registry.find(second + 1)]).toStrictEqual([
    one,
    undefined,
    three,
  ]);
  expect(registry.countByProtocol()).toStrictEqual({ imap: 2 });
  removeOne();
  expect(registry.list()).toStrictEqual([three]);
});

test('draining asks all, waits until they are gone, and ends those that stay', async () => {
  const registry = createSessionRegistry();
  const asked: string[] = [];
  const removes = new Map<string, () => void>();
  const open = (name: string, drain: () => void): void => {
    const one = session('imap', { drain: () => (asked.push(name), drain()), destroy: () => asked.push(`${name} cut`) });
    removes.set(name, registry.open(one));
  };
  open('polite', () => setTimeout(() => removes.get('polite')?.(), 10));
  expect(await registry.drain(5000)).toBe(0);
  open('deaf', () => undefined);
  expect(await registry.drain(30)).toBe(1);
  expect(asked).toStrictEqual(['polite', 'deaf', 'deaf cut']);
});
