import { describe, expect, test } from 'vitest';
import { block, pass } from '../../src/filtering/filter-verdict.js';
import { screeningOf } from '../../src/filtering/pending-screening.js';
import type { ProtocolAgent } from '../../src/filtering/protocol-agent.js';
import { chainOf, recipientOf } from './session.js';

const refuse = block(550, '5.7.1', 'No', 'disliked');
const none = { bypassedRecipients: [] };

/** An agent that refuses senders and recipients whose address begins with `bad`, at once or later. */
function strict(when: 'now' | 'later', asked: string[]): ProtocolAgent {
  const judge = (text: string) => {
    asked.push(text);
    const verdict = text.startsWith('bad') ? refuse : pass;
    return when === 'now' ? verdict : Promise.resolve(verdict);
  };
  return {
    name: 'strict',
    priority: 1,
    mail: (_session, from) => judge(from),
    recipient: (_session, { key }) => judge(key),
  };
}

describe('a screening', () => {
  test('answers at once where the agents do', () => {
    const asked: string[] = [];
    const screening = screeningOf(chainOf([strict('now', asked)]).chain, none);
    expect(screening.sender('bad@x.test')).toEqual(refuse);
    expect(screening.recipient(recipientOf('ann@contoso.com'))).toEqual(pass);
    expect(screening.pending).toBeNull();
  });

  test('lets a question pass that takes time, and knows the answer when it is put again', async () => {
    const asked: string[] = [];
    const screening = screeningOf(chainOf([strict('later', asked)]).chain, none);
    expect(screening.sender('bad@x.test')).toEqual(pass);
    expect(screening.pending).toBeInstanceOf(Promise);
    expect(screening.recipient(recipientOf('bad@contoso.com'))).toEqual(pass);
    expect(screening.sender('bad@x.test')).toEqual(pass);
    await screening.pending;
    expect(screening.pending).toBeNull();
    expect(screening.sender('bad@x.test')).toEqual(refuse);
    screening.recipient(recipientOf('bad@contoso.com'));
    await screening.pending;
    expect(screening.recipient(recipientOf('bad@contoso.com'))).toEqual(refuse);
    expect(asked).toEqual(['bad@x.test', 'bad@contoso.com']);
  });

  test('asks nothing twice in a message, and anew in the next', () => {
    const asked: string[] = [];
    const { chain } = chainOf([strict('now', asked)]);
    for (const screening of [screeningOf(chain, none), screeningOf(chain, none)]) {
      for (const _ of [1, 2]) {
        screening.sender('kim@x.test');
        screening.recipient(recipientOf('ann@contoso.com'));
        screening.recipient(recipientOf('ann@contoso.com', 'other@contoso.com'));
      }
    }
    const once = ['kim@x.test', 'ann@contoso.com', 'ann@contoso.com'];
    expect(asked).toEqual([...once, ...once]);
  });

  test('of a blocked client asks about those only who get its mail all the same, under any of their names', async () => {
    const asked: string[] = [];
    const { chain } = chainOf([{ name: 'wall', priority: 1, connect: () => refuse }, strict('now', asked)]);
    await chain.connect();
    const screening = screeningOf(chain, { bypassedRecipients: ['Postmaster@contoso.com'] });
    expect(screening.client).toEqual({ ...refuse, thenClose: true });
    expect(screening.sender('bad@x.test')).toEqual(pass);
    expect(screening.recipient(recipientOf('ann@contoso.com'))).toEqual({ ...refuse, thenClose: true });
    expect(screening.recipient(recipientOf('hostmaster@contoso.com', 'postmaster@contoso.com'))).toEqual(pass);
    expect(screening.isBypassed('postmaster@contoso.com')).toBe(true);
    expect(asked).toEqual(['hostmaster@contoso.com']);
  });
});
