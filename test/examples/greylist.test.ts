import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { createAgentLoader } from '../../src/runtime/load-agents.js';
import { chainOf, recipientOf } from '../filtering/session.js';

const module = fileURLToPath(new URL('../../examples/greylist.js', import.meta.url));
const second = 1000;
const ann = 'ann@contoso.com';

async function greylist(settings: Readonly<Record<string, unknown>> = {}) {
  const clock = { nowMs: Date.parse('2026-06-15T12:00:00Z') };
  const entry = { name: 'greylist', module, enabled: true, priority: 100, settings };
  const { agents, problems } = await createAgentLoader(() => clock.nowMs).load([entry]);
  const ask = (client: string, from: string, to: string): string => {
    const { chain, session } = chainOf(agents, client);
    session.from = from;
    const verdict = chain.recipient(recipientOf(to));
    if (verdict instanceof Promise) throw new Error('it was to answer at once');
    return verdict.kind === 'block' ? `${verdict.reply.code} ${verdict.reply.enhanced}` : verdict.kind;
  };
  return { agents, problems, clock, ask };
}

describe('the greylist of the examples', () => {
  const later = '451 4.7.1';

  test('asks to come again, and lets through what does', async () => {
    const { ask, clock } = await greylist();
    const first = clock.nowMs;
    expect(ask('192.0.2.1', 'kim@x.test', ann)).toBe(later);
    clock.nowMs = first + 59 * second;
    expect(ask('192.0.2.1', 'kim@x.test', ann)).toBe(later);
    clock.nowMs = first + 60 * second;
    expect(ask('192.0.2.1', 'kim@x.test', ann)).toBe('pass');
    expect(ask('192.0.2.1', 'kim@x.test', ann)).toBe('pass');
  });

  test.each([
    ['192.0.2.200', 'KIM@x.test', ann, 'pass'],
    ['192.0.3.1', 'kim@x.test', ann, later],
    ['192.0.2.1', 'lee@x.test', ann, later],
    ['192.0.2.1', 'kim@x.test', 'bob@contoso.com', later],
  ])('%s <%s> to %s is %s', async (client, from, to, expected) => {
    const { ask, clock } = await greylist();
    ask('192.0.2.1', 'kim@x.test', ann);
    clock.nowMs += 100 * second;
    expect(ask(client, from, to)).toBe(expected);
  });

  test.each([
    ['2001:db8::1', '2001:db8::ffff:1', 'pass'],
    ['2001:db8:0:0:1::', '2001:db8::1', 'pass'],
    ['2001:db8:0:1::1', '2001:db8:0:2::1', later],
    ['::1', '::2', 'pass'],
  ])('%s and %s: %s', async (one, other, expected) => {
    const { ask, clock } = await greylist({ delay: 1 });
    ask(one, '', ann);
    clock.nowMs += 2 * second;
    expect(ask(other, '', ann)).toBe(expected);
  });

  test('what comes again too late, or long after its last message, begins anew', async () => {
    const { ask, clock } = await greylist({ delay: 10, window: 100, remember: 1000 });
    ask('192.0.2.1', '', ann);
    clock.nowMs += 101 * second;
    expect(ask('192.0.2.1', '', ann)).toBe(later);
    clock.nowMs += 10 * second;
    expect(ask('192.0.2.1', '', ann)).toBe('pass');
    clock.nowMs += 1000 * second;
    expect(ask('192.0.2.1', '', ann)).toBe('pass');
    clock.nowMs += 1001 * second;
    expect(ask('192.0.2.1', '', ann)).toBe(later);
  });

  test('the oldest triples go when there are too many', async () => {
    const { ask, clock } = await greylist({ delay: 0, entries: 2 });
    for (const from of ['a@x.test', 'b@x.test', 'c@x.test']) ask('192.0.2.1', from, ann);
    clock.nowMs += second;
    expect(ask('192.0.2.1', 'c@x.test', ann)).toBe('pass');
    expect(ask('192.0.2.1', 'a@x.test', ann)).toBe(later);
  });

  test.each([
    [{ dely: 60 }, 'unknown setting "dely"; there are delay, window, remember, entries'],
    [{ delay: '60' }, 'setting "delay" is "60"; it must be a whole number up to 3600'],
    [{ entries: 0 }, 'setting "entries" is 0; it must be a whole number up to 10000000'],
    [{ delay: 600, window: 60 }, 'setting "delay" (600) is longer than "window" (60)'],
  ])('settings %j: %s', async (settings, expected) => {
    const { agents, problems } = await greylist(settings);
    expect(agents).toEqual([]);
    expect(problems).toEqual([`agent "greylist" (${module}): ${expected}`]);
  });
});
