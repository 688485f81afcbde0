import { expect, test } from 'vitest';
import { answerText } from '../../src/cli/answer-text.js';
import { decide, step } from '../../src/routing/decision.js';

const target = { server: 'MBX1', host: 'mbx1.contoso.com', port: 2525, site: 'A' };

test('the steps in order, then the answer, then the second choices', () => {
  const trace = [step('receive-connector/chosen', '"Default"'), step('candidates/first', 'MBX1')];
  const second = { ...target, server: 'MBX2' };
  expect(answerText(decide('proxy', 'x', trace, { targets: [target], fallback: [[second]] })).split('\n')).toEqual([
    '  receive-connector/chosen  "Default"',
    '  candidates/first          MBX1',
    'proxy to MBX1 (mbx1.contoso.com:2525)',
    'then MBX2 (mbx1.contoso.com:2525)',
    '',
  ]);
});

test('a hundred recipients stay within a screen, and the rest is counted', () => {
  const trace = Array.from({ length: 100 }, (_, index) => step('recipient/accept', `u${index}@contoso.com`));
  const lines = answerText(decide('proxy', 'x', trace, { targets: [target] })).split('\n');
  expect(lines).toHaveLength(11);
  expect(lines.slice(7, 10)).toEqual([
    '  recipient/accept  u7@contoso.com',
    '  recipient/accept  and 92 more',
    'proxy to MBX1 (mbx1.contoso.com:2525)',
  ]);
});

test('several next hops are told one after the other', () => {
  const routes = ['relay', 'reject'].map((outcome) =>
    decide(outcome as 'relay' | 'reject', 'x', [step('next-hop/group', outcome)], {
      reply: outcome === 'reject' ? { code: 550, enhanced: '5.1.1', text: 'User unknown' } : null,
      connector: outcome === 'relay' ? 'Internet' : null,
    }),
  );
  const first = routes[0] ?? decide('defer', 'x', []);
  expect(answerText({ ...first, routes })).toBe(
    '  next-hop/group  relay\nrelay by connector "Internet"\n  next-hop/group  reject\nreject 550 5.1.1 User unknown\n',
  );
});
