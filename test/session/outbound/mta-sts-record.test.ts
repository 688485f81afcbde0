import { describe, expect, test } from 'vitest';
import type { DnsRecord, DnsResolver } from '../../../src/net/dns-resolver.js';
import { stsRecord } from '../../../src/session/outbound/mta-sts-record.js';

const saying = (...records: DnsRecord[]): DnsResolver => ({
  addresses: () => ({ kind: 'nxdomain' }),
  records: () => ({ kind: 'records', records }),
  resolve: () => Promise.resolve(records),
});

describe('the TXT record of a policy', () => {
  const cases: ReadonlyArray<readonly [what: string, texts: readonly string[], id: string | null]> = [
    ['as in the RFC', ['v=STSv1; id=20160831085700Z;'], '20160831085700Z'],
    ['without the last delimiter', ['v=STSv1; id=1'], '1'],
    ['without spaces', ['v=STSv1;id=1;'], '1'],
    ['with spaces', ['v=STSv1 ;\t id=1 ; '], '1'],
    ['with an extension that holds a colon', ['v=STSv1; a.b=c:d; id=1;'], '1'],
    ['the first of two ids', ['v=STSv1; id=1; id=2;'], '1'],
    ['beside others', ['v=spf1 -all', 'v=STSv1; id=1;', 'STSv1'], '1'],
    ['two of them', ['v=STSv1; id=1;', 'v=STSv1; id=1;'], null],
    ['another version', ['v=STSv2; id=1;'], null],
    ['another version that begins alike', ['v=STSv1.5; id=1;'], null],
    ['in another case', ['V=stsv1; id=1;'], null],
    ['no id', ['v=STSv1; x=1;'], null],
    ['an empty id', ['v=STSv1; id=;'], null],
    ['an id of other signs', ['v=STSv1; id=1-2;'], null],
    ['an id of 33 signs', [`v=STSv1; id=${'1'.repeat(33)};`], null],
    ['an empty field', ['v=STSv1; ; id=1;'], null],
    ['nonsense after it', ['v=STSv1; id=1; nonsense'], null],
    ['nothing', [], null],
  ];
  test.each(cases)('%s', async (_, texts, id) => {
    const found = await stsRecord('a.test', saying(...texts.map((text) => [text])));
    expect(found).toEqual(id === null ? { kind: 'none' } : { kind: 'id', id });
  });

  test('its strings are joined', async () => {
    expect(await stsRecord('a.test', saying(['v=STS', 'v1; id=1', '2;']))).toEqual({ kind: 'id', id: '12' });
  });
});
