import { describe, expect, test } from 'vitest';
import { classifyRecipient, findLogin } from '../../src/routing/recipients.js';
import { contosoWith } from './contoso.js';

const { topology, directory } = contosoWith({});
const { topology: bare, directory: bareDirectory } = contosoWith({ organization: {} });

describe('an address of a recipient', () => {
  test.each([
    ['ann@contoso.com', 'mailbox ann'],
    ['ANN@Contoso.COM', 'mailbox ann'],
    ['ann.smith@contoso.com', 'mailbox ann'],
    ['ann@contoso.com.', 'mailbox ann'],
    ['ann+tag@contoso.com', 'mailbox ann'],
    ['ann+a+b@contoso.com', 'mailbox ann'],
    ['bob+lists@contoso.com', 'mailbox bob'],
    ['all+tag@contoso.com', 'group all'],
    ['"ann"@contoso.com', 'mailbox ann'],
    ['"ann.smith"@contoso.com', 'mailbox ann'],
    ['"\\a\\n\\n"@contoso.com', 'mailbox ann'],
    ['ann', 'mailbox ann'],
    ['"ann"', 'mailbox ann'],
    ['ann@bücher.example', 'mailbox ann'],
    ['ann@xn--bcher-kva.example', 'mailbox ann'],
    ['ann@BÜCHER.example', 'mailbox ann'],
    ['all@contoso.com', 'group all'],
    ['friend@contoso.com', 'contact friend'],
    ['nobody@contoso.com', 'unknown in contoso.com'],
    ['nobody', 'unknown in contoso.com'],
    ['+ann@contoso.com', 'unknown in contoso.com'],
    ['"an n"@contoso.com', 'unknown in contoso.com'],
    ['"ann@x"@contoso.com', 'unknown in contoso.com'],
    ['нет@contoso.com', 'unknown in contoso.com'],
    ['x@branch.contoso.com', 'unknown in branch.contoso.com'],
    ['x@deep.branch.contoso.com', 'unknown in branch.contoso.com'],
    ['x@other.contoso.com', 'external'],
    ['x@notbranch.contoso.com', 'external'],
    ['x@internal.test', 'relay in internal.test'],
    ['x@sub.internal.test', 'external'],
    ['x@external.test', 'relay in external.test'],
    ['x@a.b.external.test', 'relay in external.test'],
    ['x@contoso.com.evil.test', 'external'],
    ['x@[10.0.0.1]', 'external'],
    ['x@localhost', 'external'],
    [`${'x'.repeat(315)}@contoso.com`, 'unknown in contoso.com'],
    [`${'x'.repeat(316)}@contoso.com`, 'no address'],
    [`${'x'.repeat(600)}@contoso.com`, 'no address'],
    [`ann@${'x.'.repeat(300)}com`, 'no address'],
    [`ann@${'x'.repeat(64)}.com`, 'no address'],
    ['an\u0000n@contoso.com', 'no address'],
    ['ann@contoso.com\r\nDATA', 'no address'],
    ['an n@contoso.com', 'no address'],
    ['ann@con toso.com', 'no address'],
    ['ann@x@contoso.com', 'no address'],
    ['@contoso.com', 'no address'],
    ['ann@', 'no address'],
    ['@', 'no address'],
    ['', 'no address'],
    ['.ann@contoso.com', 'no address'],
    ['an..n@contoso.com', 'no address'],
    ['ann@contoso..com', 'no address'],
    ['ann@-contoso.com', 'no address'],
    ['<ann@contoso.com>', 'no address'],
    ['"ann@contoso.com', 'no address'],
    ['@relay.test:ann@contoso.com', 'no address'],
  ])('%j is %s', (text, expected) => {
    const found = classifyRecipient(topology, directory, text);
    const name = found?.entry?.address.replace(/@.*/, '') ?? (found?.domain ? `in ${found.domain.name}` : '');
    expect(found ? `${found.class} ${name}`.trim() : 'no address').toBe(expected);
  });

  test('without a default domain it needs a domain of its own', () => {
    expect(classifyRecipient(bare, bareDirectory, 'ann')).toBeUndefined();
    expect(classifyRecipient(bare, bareDirectory, 'ann@contoso.com')?.class).toBe('mailbox');
  });
});

describe('a login', () => {
  test.each([
    ['ann@contoso.com', 'ann'],
    ['Ann@CONTOSO.com', 'ann'],
    ['ann.smith@contoso.com', 'ann'],
    ['ann', 'ann'],
    ['ANN', 'ann'],
    ['CONTOSO\\ann', 'ann'],
    ['contoso.com\\ann', 'ann'],
    ['CONTOSO\\ann@contoso.com', 'ann'],
    ['A\\B\\ann', 'ann'],
    ['ann@bücher.example', 'ann'],
    ['all@contoso.com', 'all'],
    ['ann+tag@contoso.com', undefined],
    ['CONTOSO/ann', 'ann'],
    ['contoso.com/bob/ann', 'ann'],
    ['CONTOSO\\bob\\ann', 'ann'],
    ['contoso.com/bob/ann@contoso.com', 'ann'],
    ['contoso.com/bob/', undefined],
    ['contoso.com/ann/nobody', undefined],
    ['/', undefined],
    ['ann\\', undefined],
    ['ann@other.test', undefined],
    [' ann', undefined],
    ['ann\u0000', undefined],
    ['', undefined],
    ['a'.repeat(100_000), undefined],
  ])('%j names %s', (login, name) => {
    expect(findLogin(topology, directory, login)?.address.replace(/@.*/, '')).toBe(name);
  });

  test('of an address with a slash in it is that address', () => {
    const entry = (address: string) => ({
      class: 'mailbox' as const,
      address,
      database: 'DB1',
      guid: null,
      protocols: {},
    });
    const known = new Map(['sales/east@contoso.com', 'east@contoso.com'].map((address) => [address, entry(address)]));
    const slashed = { ...directory, find: (key: string) => known.get(key) };
    const addressOf = (login: string): string | undefined => findLogin(topology, slashed, login)?.address;
    expect(addressOf('Sales/East')).toBe('sales/east@contoso.com');
    expect(addressOf('sales/east@contoso.com')).toBe('sales/east@contoso.com');
    expect(addressOf('CONTOSO/east')).toBe('east@contoso.com');
    expect(addressOf('CONTOSO\\sales/east')).toBe('east@contoso.com');
  });

  test('without a default domain it needs a domain of its own', () => {
    expect(findLogin(bare, bareDirectory, 'CONTOSO\\ann')).toBeUndefined();
  });
});
