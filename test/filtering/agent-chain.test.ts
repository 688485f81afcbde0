import { describe, expect, test } from 'vitest';
import type { WaitLimit } from '../../src/filtering/agent-chain.js';
import { block, pass } from '../../src/filtering/filter-verdict.js';
import type { MessageVerdict, ProtocolAgent } from '../../src/filtering/protocol-agent.js';
import { withinTime } from '../../src/session/smtp/within-time.js';
import type { FilterVerdict } from '../../src/topology/screening.js';
import { chainOf, messageTo, recipientOf } from './session.js';

const exempt: FilterVerdict = { kind: 'exempt', why: 'known' };
const refuse = block(550, '5.7.1', 'No', 'disliked');
const stamp = (mark: string): FilterVerdict => ({ kind: 'stamp', why: `marked ${mark}`, mark });
const discard = (...recipients: string[]): MessageVerdict => ({ kind: 'discard', why: 'unwanted', recipients });

/** An agent that writes down when it is asked, and answers the same at every event. */
function agentSaying(
  name: string,
  priority: number,
  says: Partial<Record<'connect' | 'hello' | 'mail' | 'recipient' | 'message', unknown>>,
  asked: string[] = [],
): ProtocolAgent {
  const events = Object.entries(says).map(([event, verdict]) => [
    event,
    () => {
      asked.push(`${name} ${event}`);
      return verdict;
    },
  ]);
  return { name, priority, ...Object.fromEntries(events) } as ProtocolAgent;
}

describe('agents are asked', () => {
  test('event by event, by priority among those of one event, then by name', async () => {
    const asked: string[] = [];
    const all = { connect: pass, mail: pass, recipient: pass };
    const agents = [
      agentSaying('z', 1, { recipient: pass, connect: pass }, asked),
      agentSaying('b', 5, all, asked),
      agentSaying('a', 5, all, asked),
      agentSaying('late', 100, { connect: pass }, asked),
    ];
    const { chain } = chainOf(agents);
    await chain.connect();
    await chain.hello();
    await chain.mail('kim@fabrikam.test');
    await chain.recipient(recipientOf('ann@contoso.com'));
    expect(asked).toEqual([
      ...['z', 'a', 'b', 'late'].map((name) => `${name} connect`),
      ...['a', 'b'].map((name) => `${name} mail`),
      ...['z', 'a', 'b'].map((name) => `${name} recipient`),
    ]);
  });

  test('until one decides; promises and plain values in any mixture', async () => {
    const asked: string[] = [];
    const agents = [
      agentSaying('one', 1, { mail: Promise.resolve(pass) }, asked),
      agentSaying('two', 2, { mail: pass }, asked),
      agentSaying('three', 3, { mail: Promise.resolve(refuse) }, asked),
      agentSaying('four', 4, { mail: stamp('x') }, asked),
    ];
    const { chain, lines } = chainOf(agents);
    expect(await chain.mail('kim@fabrikam.test')).toEqual(refuse);
    expect(asked).toEqual(['one mail', 'two mail', 'three mail']);
    expect(lines).toEqual(['three mail block']);
  });

  test('without a promise where none gives one', () => {
    const { chain } = chainOf([
      agentSaying('a', 1, { connect: pass, mail: stamp('x'), recipient: refuse, message: pass }),
    ]);
    expect(chain.connect()).toEqual(pass);
    expect(chain.hello()).toEqual(pass);
    expect(chain.mail('')).toEqual(stamp('x'));
    expect(chain.recipient(recipientOf('ann@contoso.com'))).toEqual(refuse);
    expect(chain.message(messageTo(['ann@contoso.com']))).toEqual({ marks: [], verdict: pass, discarded: new Set() });
  });

  test('with one and the same session, whatever object describes it', async () => {
    const seen: { readonly session: unknown; readonly from: string | null }[] = [];
    const agent: ProtocolAgent = {
      name: 'a',
      priority: 1,
      mail(session) {
        seen.push({ session, from: session.from });
        return pass;
      },
    };
    const { chain, session } = chainOf([agent]);
    session.from = 'one@x.test';
    await chain.mail('one@x.test');
    chain.session = { ...session, from: 'two@x.test' };
    await chain.mail('two@x.test');
    expect(seen.map(({ from }) => from)).toEqual(['one@x.test', 'two@x.test']);
    expect(seen[0]?.session).toBe(seen[1]?.session);
  });
});

describe('a client', () => {
  const loud = { mail: refuse, recipient: refuse, message: refuse };

  test('that is exempt meets no other agent', () => {
    const { chain } = chainOf([
      agentSaying('a', 1, { connect: exempt }),
      agentSaying('b', 2, { connect: refuse, ...loud }),
    ]);
    expect(chain.connect()).toEqual(exempt);
    expect(chain.client).toEqual(exempt);
    expect(chain.hasMessageAgents).toBe(false);
    expect([chain.hello(), chain.mail('x@y.test'), chain.recipient(recipientOf('a@b.test'))]).toEqual([
      pass,
      pass,
      pass,
    ]);
    expect(chain.message(messageTo(['a@b.test']))).toMatchObject({ verdict: pass });
  });

  test('exempted at its greeting meets none from there on', () => {
    const { chain } = chainOf([agentSaying('a', 1, { hello: exempt }), agentSaying('b', 2, loud)]);
    expect([chain.connect(), chain.hello(), chain.mail('x@y.test')]).toEqual([pass, exempt, pass]);
    expect(chain.client).toEqual(exempt);
  });

  test('that is blocked is heard to RCPT and then closed; nobody is asked about its senders', async () => {
    const asked: string[] = [];
    const { chain } = chainOf([
      agentSaying('a', 1, { connect: refuse }),
      agentSaying('b', 2, { hello: refuse, mail: refuse, recipient: pass }, asked),
    ]);
    expect(chain.connect()).toEqual({ ...refuse, thenClose: true });
    expect([chain.hello(), chain.mail('x@y.test')]).toEqual([pass, pass]);
    await chain.recipient(recipientOf('postmaster@contoso.com'));
    expect(asked).toEqual(['b recipient']);
  });
});

describe('a message', () => {
  const [ann, bob, cat] = ['ann@contoso.com', 'bob@contoso.com', 'cat@contoso.com'];

  test('bears the stamps of its session and its own, each once, and not those of the message before', async () => {
    let round = 0;
    const agents: ProtocolAgent[] = [
      agentSaying('a', 1, { connect: stamp('c'), hello: Promise.resolve(stamp('h')) }),
      { name: 'b', priority: 2, mail: () => stamp(`m${++round}`), recipient: () => stamp('r') },
      agentSaying('c', 3, { mail: stamp('c'), message: stamp('end') }),
    ];
    const { chain } = chainOf(agents);
    await chain.connect();
    await chain.hello();
    expect(chain.mail('x@y.test')).toEqual({ kind: 'stamp', why: 'marked m1; marked c', mark: 'm1, c' });
    await chain.recipient(recipientOf(ann));
    await chain.recipient(recipientOf(bob));
    expect(chain.marks).toEqual(['c', 'h', 'm1', 'r']);
    expect(await chain.message(messageTo([ann]))).toMatchObject({ marks: ['end'], verdict: pass });
    await chain.mail('x@y.test');
    expect(chain.marks).toEqual(['c', 'h', 'm2']);
  });

  test('bears no stamp for a recipient that was refused', async () => {
    const { chain } = chainOf([
      agentSaying('a', 1, { recipient: stamp('x') }),
      agentSaying('b', 2, { recipient: refuse }),
    ]);
    await chain.mail('x@y.test');
    expect(chain.recipient(recipientOf(ann))).toEqual(refuse);
    expect(chain.marks).toEqual([]);
  });

  test('that is exempt meets no other agent, and the next one does', async () => {
    const agents: ProtocolAgent[] = [
      { name: 'a', priority: 1, mail: (_session, from) => (from === 'good@y.test' ? exempt : pass) },
      agentSaying('b', 2, { recipient: refuse, message: refuse }),
    ];
    const { chain } = chainOf(agents);
    await chain.mail('good@y.test');
    expect(chain.hasMessageAgents).toBe(false);
    expect(chain.recipient(recipientOf(ann))).toEqual(pass);
    await chain.mail('other@y.test');
    expect(chain.recipient(recipientOf(ann))).toEqual(refuse);
    expect(chain.message(messageTo([ann]))).toMatchObject({ verdict: refuse });
  });

  test('discarded for some goes on for the rest, and the agents after judge for these', async () => {
    const judged: string[][] = [];
    const agents: ProtocolAgent[] = [
      agentSaying('a', 1, { message: discard(bob, 'stranger@x.test') }),
      {
        name: 'b',
        priority: 2,
        message(_session, { recipients }) {
          judged.push([...recipients]);
          return Promise.resolve(stamp('seen'));
        },
      },
    ];
    const { chain } = chainOf(agents);
    const result = await chain.message(messageTo([ann, bob, cat]));
    expect(result).toEqual({ marks: ['seen'], verdict: pass, discarded: new Set([bob]) });
    expect(judged).toEqual([[ann, cat]]);
  });

  test('discarded for all is judged by nobody else; refused is refused for all', async () => {
    const asked: string[] = [];
    const all = chainOf([
      agentSaying('a', 1, { message: discard(ann, bob) }),
      agentSaying('b', 2, { message: refuse }, asked),
    ]);
    expect(await all.chain.message(messageTo([ann, bob]))).toMatchObject({
      verdict: pass,
      discarded: new Set([ann, bob]),
    });
    expect(asked).toEqual([]);
    const some = chainOf([agentSaying('a', 1, { message: discard(ann) }), agentSaying('b', 2, { message: refuse })]);
    expect(await some.chain.message(messageTo([ann, bob]))).toMatchObject({ verdict: refuse });
  });
});

describe('an agent that fails makes the client hear 451 4.3.0', () => {
  const temporary = { kind: 'block', reply: { code: 451, enhanced: '4.3.0' } };
  const reply = { code: 550, enhanced: '5.7.1', text: 'No' };
  const odd: ReadonlyArray<readonly [what: string, said: unknown, why: RegExp]> = [
    ['nothing', undefined, /answered undefined/],
    ['a word', 'pass', /answered "pass"/],
    ['null', null, /answered null/],
    ['an unknown verdict', { kind: 'reject', why: 'x' }, /unknown verdict "reject"/],
    ['no reason', { kind: 'exempt' }, /lacks the text "why"/],
    ['no mark', { kind: 'stamp', why: 'x' }, /mark/],
    ['a mark with a line in it', { kind: 'stamp', why: 'x', mark: 'a\r\nBcc: x' }, /mark/],
    ['no reply', { kind: 'block', why: 'x' }, /lacks the "reply"/],
    ['a reply that consents', { kind: 'block', why: 'x', reply: { ...reply, code: 250 } }, /from 400 to 599/],
    ['another class', { kind: 'block', why: 'x', reply: { ...reply, enhanced: '4.7.1' } }, /enhanced/],
    ['a reply of two lines', { kind: 'block', why: 'x', reply: { ...reply, text: 'No\r\n250 OK' } }, /one line/],
    ['a discarded sender', { kind: 'discard', why: 'x', recipients: [] }, /only a message can be discarded/],
  ];

  test.each(odd)('answering %s', async (_what, said, why) => {
    for (const answer of [said, Promise.resolve(said)]) {
      const { chain, lines } = chainOf([agentSaying('odd', 1, { mail: answer })]);
      expect(await chain.mail('x@y.test')).toMatchObject(temporary);
      expect(lines.join()).toMatch(/^odd mail fault: /);
      expect(lines.join()).toMatch(why);
    }
  });

  test('throwing and rejecting, at every event', async () => {
    const throwing = (): never => {
      throw new Error('out of order');
    };
    const rejecting = (): Promise<never> => Promise.reject(new Error('out of order'));
    for (const fail of [throwing, rejecting]) {
      const agent = {
        name: 'bad',
        priority: 1,
        connect: fail,
        hello: fail,
        mail: fail,
        recipient: fail,
        message: fail,
      };
      const { chain, lines } = chainOf([agent, agentSaying('b', 2, { recipient: pass })]);
      expect(await chain.hello()).toMatchObject(temporary);
      expect(await chain.mail('x@y.test')).toMatchObject(temporary);
      expect(await chain.recipient(recipientOf('a@b.test'))).toMatchObject(temporary);
      expect(await chain.message(messageTo(['a@b.test']))).toMatchObject({ verdict: temporary });
      expect(await chain.connect()).toMatchObject({ ...temporary, thenClose: true });
      expect(lines).toHaveLength(5);
      expect(new Set(lines.map((line) => line.replace(/^bad \w+ /, '')))).toEqual(new Set(['fault: out of order']));
    }
  });

  test('hanging, when the wait is over', async () => {
    const within: WaitLimit = (work) => withinTime(work, 30);
    const hanging = agentSaying('hung', 1, { mail: new Promise(() => undefined) });
    const { chain, lines } = chainOf([hanging], undefined, within);
    expect(await chain.mail('x@y.test')).toMatchObject(temporary);
    expect(lines).toEqual(['hung mail fault: no answer within 30 ms']);
  });

  test('but not where it is only told', async () => {
    const agents = [
      {
        name: 'a',
        priority: 1,
        outcome: () => {
          throw new Error('no');
        },
        disconnect: (() => Promise.reject(new Error('later'))) as () => void,
      },
      {
        name: 'b',
        priority: 2,
        outcome: () => void told.push('outcome'),
        disconnect: () => void told.push('disconnect'),
      },
    ];
    const told: string[] = [];
    const { chain, lines } = chainOf(agents);
    chain.outcome({ message: messageTo([]), reply: { code: 250, text: 'ok' } });
    chain.disconnect();
    await Promise.resolve();
    expect(told).toEqual(['outcome', 'disconnect']);
    expect(lines).toEqual(['a outcome fault: no', 'a disconnect fault: later']);
  });
});
