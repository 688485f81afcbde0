import { Buffer } from 'node:buffer';
import { array, assert, constantFrom, integer, property, string, tuple, uint8Array } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RequestReader } from '../../../src/protocols/http/head-reader.js';
import type { RequestHead } from '../../../src/protocols/http/http-message.js';
import { cut, cuts } from './cut.js';
import { ConnectionReading, headLimits, readAll } from './read-all.js';

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');

function read(text: string): RequestHead | number {
  const step = new RequestReader(headLimits).read(bytesOf(text), 0);
  switch (step.kind) {
    case 'more':
      return 0;
    case 'refused':
      return step.refusal.status;
    case 'head':
      return step.head;
  }
}

const get = (...lines: string[]): string => ['GET / HTTP/1.1', 'Host: h', ...lines, '', ''].join('\r\n');

describe('a request line', () => {
  test.each([
    ['GET / HTTP/1.1', 'GET', '/', '1.1'],
    ['RPC_IN_DATA /rpc/rpcproxy.dll?a:6001 HTTP/1.1', 'RPC_IN_DATA', '/rpc/rpcproxy.dll?a:6001', '1.1'],
    ['get /?a=b#c HTTP/1.0', 'get', '/?a=b#c', '1.0'],
    ['OPTIONS * HTTP/1.1', 'OPTIONS', '*', '1.1'],
    ['GET http://h/x HTTP/1.1', 'GET', 'http://h/x', '1.1'],
    [`${'M'.repeat(32)} /\\"<> HTTP/1.1`, 'M'.repeat(32), '/\\"<>', '1.1'],
  ])('%j', (line, method, target, version) => {
    expect(read(`${line}\r\nHost: h\r\n\r\n`)).toMatchObject({ method, target, version, host: 'h' });
  });

  test.each([
    ['GET / HTTP/1.1 ', 400],
    [' GET / HTTP/1.1', 400],
    ['GET  / HTTP/1.1', 400],
    ['GET /  HTTP/1.1', 400],
    ['GET\t/ HTTP/1.1', 400],
    ['GET /\tx HTTP/1.1', 400],
    ['GET /a b HTTP/1.1', 400],
    ['GET /\xe9 HTTP/1.1', 400],
    ['GET /', 400],
    ['GET', 400],
    ['GET  HTTP/1.1', 400],
    ['G@T / HTTP/1.1', 400],
    [`${'M'.repeat(33)} / HTTP/1.1`, 400],
    ['GET / http/1.1', 400],
    ['GET / HTTP/1.1x', 400],
    ['GET / HTTP/1', 400],
    ['GET / HTTP/11.1', 400],
    ['GET / ICY/1.1', 400],
    ['GET / HTTP/1.2', 505],
    ['GET / HTTP/0.9', 505],
    ['PRI * HTTP/2.0', 505],
    ['GET * HTTP/1.1', 400],
    ['GET x HTTP/1.1', 400],
    ['GET ftp://h/ HTTP/1.1', 400],
    ['GET http:///x HTTP/1.1', 400],
    ['CONNECT h:443 HTTP/1.1', 501],
    ['CONNECT / HTTP/1.1', 501],
    [`GET /${'x'.repeat(20_000)} HTTP/1.1`, 414],
  ])('%.40j is refused', (line, status) => {
    expect(read(`${line}\r\nHost: h\r\n\r\n`)).toBe(status);
  });

  test('has one empty line before it and no more', () => {
    expect(read(`\r\n${get()}`)).toMatchObject({ method: 'GET' });
    expect(read(`\r\n\r\n${get()}`)).toBe(400);
    expect(read(`\n${get()}`)).toBe(400);
    expect(readAll(cut(`${get()}\r\n${get()}`, [])).requests.length).toBe(2);
    expect(readAll(cut(`${get()}\r\n\r\n${get()}`, [])).refusal?.status).toBe(400);
    const reader = new RequestReader(headLimits);
    reader.read(bytesOf('\r\n'), 0);
    expect(reader.hasBegun).toBe(false);
    reader.read(bytesOf('G'), 0);
    expect(reader.hasBegun).toBe(true);
    reader.read(bytesOf(get().slice(1)), 0);
    expect(reader.hasBegun).toBe(false);
  });
});

describe('field lines', () => {
  test('are kept as they came, without the white space around them', () => {
    const lines = ['A:1', 'a: \t 2 \t', "!#$%&'*+-.^_`|~0z:", 'B:\xe9\x80\xff', 'C: x:y', 'D: a\tb'];
    expect(read(get(...lines))).toMatchObject({
      fields: ['Host', 'h', 'A', '1', 'a', '2', "!#$%&'*+-.^_`|~0z", '', 'B', '\xe9\x80\xff', 'C', 'x:y', 'D', 'a\tb'],
    });
  });

  test.each([
    'A : 1',
    'A\t: 1',
    ': 1',
    'A',
    '',
    ' A: 1',
    '\tA: 1',
    'A: 1\r\n folded',
    'A: 1\r\n\tfolded',
    'A(: 1',
    'A\xe9: 1',
    'A: \0',
    'A: \x07',
    'A: \x7f',
    'A: \x0b',
    'A: 1\rB: 2',
    'A: 1\nB: 2',
    'A: 1\r\r',
    'A\0: 1',
    '"A": 1',
    'A B: 1',
    'A/B: 1',
    'Content-Length\xa0: 1',
  ])('%j is refused', (line) => {
    const answer = read(get(line, 'X: 1'));
    // An empty line ends the head.
    if (line === '') expect(answer).toMatchObject({ fields: ['Host', 'h'] });
    else expect(answer).toBe(400);
  });

  test('that are too many or too large are refused', () => {
    const field = (count: number): string[] => Array.from({ length: count }, (_, index) => `F${index}: x`);
    expect(read(get(...field(249)))).toMatchObject({ method: 'GET' });
    expect(read(get(...field(250)))).toBe(431);
    expect(read(get(`A: ${'x'.repeat(16_381)}`))).toMatchObject({ method: 'GET' });
    expect(read(get(`A: ${'x'.repeat(16_382)}`))).toBe(431);
    expect(read(get(...Array.from({ length: 7 }, () => `A: ${'x'.repeat(10_000)}`)))).toBe(431);
    const small = { headBytesMax: 40, lineLengthMax: 20, fieldsMax: 9 };
    const exact = get('Abc: def', 'X:');
    expect(exact.length).toBe(41);
    for (const max of [40, 41]) {
      const step = new RequestReader({ ...small, headBytesMax: max }).read(bytesOf(exact), 0);
      expect(step.kind).toBe(max === 41 ? 'head' : 'refused');
    }
  });
});

describe('Host', () => {
  const withHost = (host: string, version = '1.1'): string => `GET / HTTP/${version}\r\n${host}\r\n\r\n`;

  test.each([
    ['Host: mail.contoso.com', 'mail.contoso.com'],
    ['host:h:8443', 'h:8443'],
    ['HOST: 192.0.2.7', '192.0.2.7'],
    ['Host: [2001:db8::7]:443', '[2001:db8::7]:443'],
    ['Host: a_b~c', 'a_b~c'],
  ])('%j', (line, host) => {
    expect(read(withHost(line))).toMatchObject({ host });
  });

  test.each([
    ...['A: 1', 'Host:', 'Host: a, b', 'Host: a b', 'Host: a/b', 'Host: a@b', 'Host: a:b', 'Host: a:', 'Host: [::1'],
    ...['Host: ::1', 'Host: a\\b', 'Host: a%62', 'Host: a\r\nHost: a', 'Host: a\r\nhost: b', 'Host: "a"', 'Host: a;b'],
  ])('%j is refused', (line) => {
    expect(read(withHost(line))).toBe(400);
  });

  test('may be missing in HTTP/1.0 only', () => {
    expect(read('GET / HTTP/1.0\r\n\r\n')).toMatchObject({ host: '', fields: [], isPersistent: false });
    expect(read(withHost('Host: a\r\nHost: a', '1.0'))).toBe(400);
  });
});

describe('the framing', () => {
  const post = (version: string, ...lines: string[]): string =>
    [`POST / HTTP/${version}`, 'Host: h', ...lines, '', ''].join('\r\n');

  test.each([
    [['Content-Length: 0'], { kind: 'length', length: 0 }],
    [['content-length: 0042'], { kind: 'length', length: 42 }],
    [['Content-Length: 9007199254740991'], { kind: 'length', length: 9_007_199_254_740_991 }],
    [['Transfer-Encoding: chunked'], { kind: 'chunked' }],
    [['TRANSFER-ENCODING: \tChunked '], { kind: 'chunked' }],
    [[], { kind: 'none' }],
  ])('of %j', (lines, framing) => {
    expect(read(post('1.1', ...lines))).toMatchObject({ framing });
  });

  test.each([
    [['Content-Length: 5', 'Content-Length: 5'], 400],
    [['Content-Length: 5', 'content-length: 6'], 400],
    [['Content-Length: 5, 5'], 400],
    [['Content-Length:'], 400],
    [['Content-Length: +5'], 400],
    [['Content-Length: -5'], 400],
    [['Content-Length: 0x5'], 400],
    [['Content-Length: 5.0'], 400],
    [['Content-Length: 5 5'], 400],
    [['Content-Length: 1e1'], 400],
    [['Content-Length: \xb2'], 400],
    [['Content-Length: 9007199254740992'], 400],
    [['Content-Length: 99999999999999999999'], 400],
    [['Content-Length: 5', 'Transfer-Encoding: chunked'], 400],
    [['Transfer-Encoding: chunked', 'Content-Length: 5'], 400],
    [['Transfer-Encoding: identity', 'Content-Length: 5'], 400],
    [['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], 501],
    [['Transfer-Encoding: chunked, chunked'], 501],
    [['Transfer-Encoding: gzip, chunked'], 501],
    [['Transfer-Encoding: identity'], 501],
    [['Transfer-Encoding: xchunked'], 501],
    [['Transfer-Encoding: "chunked"'], 501],
    [['Transfer-Encoding: chunked;a=b'], 501],
    [['Transfer-Encoding: ,chunked'], 501],
    [['Transfer-Encoding:'], 501],
    [['Transfer-Encoding: \x0bchunked'], 400],
    [['Transfer-Encoding: chunked\t'], 400],
    [['Content-Length: 5 \t '], 400],
  ])('of %j is refused', (lines, status) => {
    expect(read(post('1.1', ...lines))).toBe(status);
  });

  test('of HTTP/1.0 has no transfer coding', () => {
    expect(read(post('1.0', 'Transfer-Encoding: chunked'))).toBe(400);
    expect(read(post('1.0', 'Content-Length: 5'))).toMatchObject({ framing: { kind: 'length', length: 5 } });
  });
});

describe('Connection, Expect and Upgrade', () => {
  test.each([
    ['1.1', [], true],
    ['1.1', ['Connection: close'], false],
    ['1.1', ['Connection: Keep-Alive, CLOSE'], false],
    ['1.1', ['Connection: x', 'connection:\tclose'], false],
    ['1.1', ['Connection: closed'], true],
    ['1.0', [], false],
    ['1.0', ['Connection: Keep-Alive'], true],
    ['1.0', ['Connection: keep-alive, close'], false],
  ])('HTTP/%s with %j', (version, lines, isPersistent) => {
    expect(read([`GET / HTTP/${version}`, 'Host: h', ...lines, '', ''].join('\r\n'))).toMatchObject({ isPersistent });
  });

  test.each([
    [['Expect: 100-Continue', 'Content-Length: 5'], true],
    [['Expect: 100-continue', 'Content-Length: 0'], false],
    [['Expect: 100-continue'], false],
  ])('%j', (lines, expectsContinue) => {
    expect(read(get(...lines))).toMatchObject({ expectsContinue });
  });

  test.each([[['Expect: 200-ok']], [['Expect:']], [['Expect: 100-continue', 'Expect: 100-continue']]])(
    '%j fails',
    (lines) => {
      expect(read(get(...lines))).toBe(417);
    },
  );

  test.each([
    [['Connection: Upgrade', 'Upgrade: WebSocket'], 'websocket'],
    [['Connection: keep-alive, upgrade', 'Upgrade: foo/2'], 'foo/2'],
    [['Upgrade: websocket'], null],
    [['Connection: Upgrade'], null],
    [['Connection: Upgrade', 'Upgrade: websocket, h2c'], null],
    [['Connection: Upgrade', 'Upgrade: websocket', 'Upgrade: websocket'], null],
  ])('%j', (lines, upgrade) => {
    expect(read(get(...lines))).toMatchObject({ upgrade });
  });
});

describe('a reader', () => {
  const piece = constantFrom(
    ...['GET / HTTP/1.1\r\n', 'Host: h\r\n', 'Content-Length: 3\r\n', 'Transfer-Encoding: chunked\r\n', '\r\n', '\r'],
    ...['\n', 'abc', '3\r\nabc\r\n', '0\r\n', '0\r\n\r\n', 'A: 1\r\n', ' ', ':', '\0', 'x'.repeat(30), '5;a="\\""\r\n'],
  );
  const input = array(piece, { maxLength: 25 }).map((pieces) => pieces.join(''));
  const limits = { headBytesMax: 120, lineLengthMax: 40, fieldsMax: 4 };

  test('says the same however the bytes are cut', () => {
    assert(
      property(input, cuts, (text, lengths) => {
        const whole = readAll([bytesOf(text)], limits);
        expect(readAll(cut(text, lengths), limits)).toStrictEqual(whole);
        expect(readAll(cut(text, []), limits)).toStrictEqual(whole);
      }),
      { numRuns: 2000 },
    );
  });

  test('keeps no more than its limit, and says so of whatever bytes', () => {
    const anything = array(uint8Array({ maxLength: 60 }), { maxLength: 30 });
    assert(
      property(anything, integer({ min: 8, max: 100 }), (pieces, headBytesMax) => {
        const reading = new ConnectionReading({ ...limits, headBytesMax });
        for (const bytes of pieces) {
          reading.push(Buffer.from(bytes));
          expect(reading.reader.heldBytes).toBeLessThanOrEqual(headBytesMax);
        }
      }),
    );
  });

  test('finds what was written', () => {
    const name = constantFrom('A', 'x-b', 'C_d', 'If-Match', '~');
    const value = string({ unit: constantFrom('a', '\t', ' ', '\xe9', '"', ',', ':', ';'), maxLength: 12 });
    assert(
      property(array(tuple(name, value), { maxLength: 8 }), cuts, (pairs, lengths) => {
        const fields = pairs.flatMap(([name, value]) => [name, value.replace(/^[\t ]+|[\t ]+$/g, '')]);
        const text = get(...pairs.map(([name, value]) => `${name}: ${value}`));
        const { requests } = readAll(cut(text, lengths));
        expect(requests.map(({ head }) => head.fields)).toStrictEqual([['Host', 'h', ...fields]]);
      }),
    );
  });

  test('takes a head byte by byte in time that grows with its length', () => {
    const text = get(...Array.from({ length: 4 }, () => `A: ${'x'.repeat(15_000)}`));
    const startMs = performance.now();
    expect(readAll(cut(text, [])).requests.length).toBe(1);
    expect(performance.now() - startMs).toBeLessThan(2000);
  });
});
