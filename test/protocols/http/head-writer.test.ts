import { Buffer } from 'node:buffer';
import { array, assert, constantFrom, oneof, property, string, tuple } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keyOf } from '../../../src/protocols/http/field-names.js';
import { AnswerReader, RequestReader } from '../../../src/protocols/http/head-reader.js';
import {
  answerFields,
  answerHeadText,
  type Forwarding,
  lastChunkText,
  requestHeadText,
} from '../../../src/protocols/http/head-writer.js';
import type { AnswerHead, BodyFraming, FieldLines, RequestHead } from '../../../src/protocols/http/http-message.js';
import { headLimits } from './read-all.js';

const forwarding: Forwarding = {
  requestId: 'r-1',
  host: 'mail.contoso.com',
  client: { address: '192.0.2.7', proto: 'https' },
  upgrade: null,
  droppedCookies: ['X-BackEndCookie', 'X-BackEndOverrideCookie'],
};
const bare: Forwarding = { ...forwarding, client: null };

const request = (fields: FieldLines, more: Partial<RequestHead> = {}): RequestHead => ({
  method: 'POST',
  target: '/ews/',
  version: '1.1',
  fields,
  host: 'mail.contoso.com',
  framing: { kind: 'none' },
  isPersistent: true,
  expectsContinue: false,
  upgrade: null,
  ...more,
});

const answer = (fields: FieldLines, more: Partial<AnswerHead> = {}): AnswerHead => ({
  version: '1.1',
  status: 200,
  reason: 'OK',
  fields,
  framing: { kind: 'length', length: 5 },
  isPersistent: true,
  ...more,
});

/** What a strict reader finds in a head that was written. */
function readBack(text: string): RequestHead {
  const step = new RequestReader(headLimits).read(Buffer.from(text, 'latin1'), 0);
  if (step.kind !== 'head') throw new Error(`${step.kind}: ${JSON.stringify(text)}`);
  expect(step.end).toBe(text.length);
  return step.head;
}

/** The client's fields that come through. */
function passed(fields: FieldLines, more: Partial<Forwarding> = {}): FieldLines {
  const text = requestHeadText(request(fields), '/', { ...bare, ...more });
  const written = readBack(text).fields;
  expect(written.slice(0, 2)).toEqual(['Host', 'mail.contoso.com']);
  expect(written.slice(-2)).toEqual(['X-Request-Id', 'r-1']);
  return written.slice(2, -2);
}

describe('the head of a request to a server', () => {
  test('is written in one piece', () => {
    const fields = ['host', 'other', 'ACCEPT', '*/*', 'Content-Length', '5', 'a', '', 'A', '\xe9'];
    const head = request(fields, { framing: { kind: 'length', length: 5 }, expectsContinue: true });
    expect(requestHeadText(head, '/ews/?a', forwarding)).toBe(
      [
        'POST /ews/?a HTTP/1.1',
        'Host: mail.contoso.com',
        'ACCEPT: */*',
        'a: ',
        'A: \xe9',
        'Content-Length: 5',
        'Expect: 100-continue',
        'X-Forwarded-For: 192.0.2.7',
        'X-Forwarded-Proto: https',
        'X-Request-Id: r-1',
        'X-Forwarded-Host: mail.contoso.com',
        'Forwarded: for=192.0.2.7;proto=https;host=mail.contoso.com',
        '',
        '',
      ].join('\r\n'),
    );
  });

  test.each([
    ['2001:db8::7', 'h', 'for="[2001:db8::7]";proto=http;host=h'],
    ['192.0.2.7', 'h:8080', 'for=192.0.2.7;proto=http;host="h:8080"'],
    ['192.0.2.7', '', 'for=192.0.2.7;proto=http'],
    ['fe80::1%eth0', 'a"\\b', 'for="[fe80::1%eth0]";proto=http;host="a\\"\\\\b"'],
  ])('names the client %s at %j', (address, host, forwarded) => {
    const text = requestHeadText(request([]), '/', { ...forwarding, host, client: { address, proto: 'http' } });
    expect(text).toContain(`\r\nForwarded: ${forwarded}\r\n`);
    expect(text).toContain(`\r\nX-Forwarded-For: ${address}\r\n`);
    expect(text.includes('X-Forwarded-Host')).toBe(host !== '');
  });

  test('tells the framing anew', () => {
    const framings: readonly (readonly [BodyFraming, string])[] = [
      [{ kind: 'none' }, ''],
      [{ kind: 'length', length: 0 }, 'Content-Length: 0\r\n'],
      [{ kind: 'chunked' }, 'Transfer-Encoding: chunked\r\n'],
    ];
    for (const [framing, line] of framings) {
      const fields = ['Content-Length', '7', 'transfer-encoding', 'chunked', 'content_length', '8'];
      const text = requestHeadText(request(fields, { framing }), '/', bare);
      expect(text).toBe(`POST / HTTP/1.1\r\nHost: mail.contoso.com\r\n${line}X-Request-Id: r-1\r\n\r\n`);
      expect(readBack(text).framing).toEqual(framing);
    }
  });

  test('has nothing of the connection, but asks for an upgrade or trailers', () => {
    expect(passed(['Connection', 'a, close', 'A', '1', 'Keep-Alive', '5', 'TE', 'gzip', 'Upgrade', 'x'])).toEqual([]);
    expect(passed(['TE', 'Trailers', 'Trailer', 'X'])).toEqual(['Trailer', 'X', 'Connection', 'TE', 'TE', 'trailers']);
    const upgrade = passed(['Sec-WebSocket-Key', 'k', 'Connection', 'Upgrade', 'Upgrade', 'h2c', 'TE', 'trailers'], {
      upgrade: 'websocket',
    });
    expect(upgrade).toEqual(['Sec-WebSocket-Key', 'k', 'Connection', 'Upgrade', 'Upgrade', 'websocket']);
  });

  test('keeps what Connection must not take away', () => {
    const kept = ['Authorization', 'a', 'Content-Type', 'b', 'X-AnchorMailbox', 'c', 'Sec-WebSocket-Key', 'd'];
    const named = `${kept.filter((_, index) => index % 2 === 0).join(', ')}, Content-Length, Cookie, Host, X-Gone`;
    expect(passed(['connection', named, ...kept, 'x-gone', '1', 'Cookie', 'a=b'])).toEqual([...kept, 'Cookie', 'a=b']);
    const head = request(['Connection', 'content-length'], { framing: { kind: 'length', length: 5 } });
    expect(requestHeadText(head, '/', bare)).toContain('\r\nContent-Length: 5\r\n');
  });

  test("of whatever kind: none that only a front end may set is the client's", () => {
    const name = oneof(
      constantFrom('X-BE', 'x_beResource', 'X-AnonResource-BEResource', 'X-BackEnd-X', 'Forwarded', 'X-Forwarded-Y'),
      constantFrom(
        'X-Forwarded-For',
        'x_forwarded_for',
        'X-FORWARDED_HOST',
        'X-Request-Id',
        'X_Request_Id',
        'X-Real-IP',
      ),
      constantFrom('X-Original-URL', 'X-Rewrite-URL', 'X-CommonAccessToken', 'X-SourceCafeServer', 'X-IsFromCafe'),
      constantFrom('X-IsFromBackend', 'X-FEServer', 'X-CalculatedBETarget', 'X-BackEndCookie', 'msExchLogonMailbox'),
      constantFrom('Connection', 'TE', 'Upgrade', 'Proxy-X', 'Host', 'Http2-Settings', 'Front-End-Https', 'Auth-User'),
      constantFrom('Transfer_Encoding', 'Content_Length', 'HOST', 'proxy_authorization', 'Expect', 'X-AnonResource'),
    );
    const fields = array(tuple(name, constantFrom('evil', 'x-other', 'cookie, close'))).map((pairs) => pairs.flat());
    assert(
      property(fields, (fields) => {
        expect(requestHeadText(request(fields), '/', forwarding)).toBe(requestHeadText(request([]), '/', forwarding));
      }),
    );
    expect(passed(['__proto__', '1', 'constructor', '2', 'X-Other', '3'])).toHaveLength(6);
  });

  test.each([
    [['a=b'], 'a=b'],
    [['a=b;  c'], 'a=b;  c'],
    [['a=b', 'c=d'], 'a=b; c=d'],
    [['X-BackEndCookie=x; a=b'], 'a=b'],
    [['a=b;x-backendcookie =x;c=d'], 'a=b; c=d'],
    [['a="b; X-BackEndCookie=x"; c'], 'a="b; c'],
    [
      ['X-BackEndCookies=x; a-X-BackEndCookie=y; b=X-BackEndCookie'],
      'X-BackEndCookies=x; a-X-BackEndCookie=y; b=X-BackEndCookie',
    ],
    [['X-BackEndCookie=x', 'X-BackEndOverrideCookie=y'], null],
    [['X-BackEndCookie'], null],
    [[''], null],
  ])('has of the cookies %j %j', (values, cookie) => {
    const fields = values.flatMap((value) => ['cookie', value]);
    expect(passed(fields)).toEqual(cookie === null ? [] : ['Cookie', cookie]);
  });

  test('cannot be split by anything it is given', () => {
    const text = string({ unit: constantFrom('a', '\r', '\n', '\0', '\u010a', '\u010d', ':', ' ', 'é', '\u{1f600}') });
    assert(
      property(text, text, text, (name, value, other) => {
        const head = request([name, value, 'Cookie', other, 'A', value]);
        const client = { address: other, proto: 'http' } as const;
        const written = requestHeadText(head, '/', {
          ...forwarding,
          requestId: value,
          host: other,
          client,
          upgrade: value,
        });
        const lines = Buffer.from(written, 'latin1').toString('latin1').split('\r\n');
        expect(lines.join('')).not.toMatch(/[\r\n\0]/);
        const names = lines.slice(1, -2).map((line) => keyOf(line.slice(0, line.indexOf(':'))));
        const ours = ['host', 'cookie', 'a', 'connection', 'upgrade', 'forwarded'];
        expect(names.filter((key) => !ours.includes(key) && !key.startsWith('x-'))).toSatisfy(
          (others: string[]) => others.length === 0 || (others.length === 1 && others[0] === name),
        );
        const answered = answerHeadText(200, value, [name, value, 'A', other], { kind: 'chunked' }, 'keep', '1.1');
        const step = new AnswerReader(headLimits).read(Buffer.from(answered, 'latin1'), 0, 'GET');
        expect(step).toMatchObject({ kind: 'head', end: answered.length, head: { framing: { kind: 'chunked' } } });
        expect(lastChunkText([name, value])).toMatch(/^0\r\n(?:a+: ?[^\r\n\0]*\r\n)?\r\n$/);
      }),
    );
    for (const target of ['', '/ x', '/\r\n', '/\xe9']) {
      expect(() => requestHeadText(request([]), target, bare)).toThrow('target');
    }
    expect(() => requestHeadText(request([], { method: 'GET / HTTP/1.1\r\nA:' }), '/', bare)).toThrow('method');
  });
});

describe("an answer's fields", () => {
  test('are passed on but for those of the connection and the names of servers', () => {
    const fields = [
      'Connection',
      'close, A',
      'a',
      '1',
      'Keep-Alive',
      '5',
      'Transfer-Encoding',
      'chunked',
      'Upgrade',
      'x',
    ];
    const ours = ['X-FEServer', 'a', 'x-beserver', 'b', 'Proxy-Authenticate', 'c', 'Content-Length', '5'];
    const kept = ['SET-Cookie', 'a', 'Set-Cookie', 'b', 'Server', '', 'X-DiagInfo', 'd'];
    expect(answerFields(answer([...fields, ...ours, ...kept]))).toEqual(kept);
    const named = ['Connection', 'Set-Cookie, Location', 'Set-Cookie', 'a', 'Location', '/'];
    expect(answerFields(answer(named))).toEqual(named.slice(2));
    expect(answerFields(answer(['Trailer', 'x']))).toEqual([]);
    expect(answerFields(answer(['Trailer', 'x'], { framing: { kind: 'chunked' } }))).toEqual(['Trailer', 'x']);
  });

  test.each([
    [200, 'none', true],
    [304, 'none', true],
    [204, 'none', false],
    [100, 'none', false],
    [200, 'until-close', false],
  ] as const)('of %i and %s: Content-Length is kept: %s', (status, kind, isKept) => {
    expect(answerFields(answer(['Content-Length', '5'], { status, framing: { kind } })).length > 0).toBe(isKept);
  });
});

describe("an answer's head", () => {
  const none: BodyFraming = { kind: 'none' };
  const five: BodyFraming = { kind: 'length', length: 5 };

  test.each([
    [200, [], five, 'keep', '1.1', 'GET', ['Content-Length: 5']],
    [200, [], five, 'close', '1.1', 'GET', ['Content-Length: 5', 'Connection: close']],
    [200, [], five, 'keep', '1.0', 'GET', ['Content-Length: 5', 'Connection: keep-alive']],
    [200, [], { kind: 'chunked' }, 'keep', '1.1', 'GET', ['Transfer-Encoding: chunked']],
    [200, [], { kind: 'chunked' }, 'keep', '1.0', 'GET', ['Connection: close']],
    [200, [], { kind: 'until-close' }, 'keep', '1.1', 'GET', ['Connection: close']],
    [302, ['Location', '/'], none, 'keep', '1.1', 'GET', ['Location: /', 'Content-Length: 0']],
    [200, ['content-length', '7'], none, 'keep', '1.1', 'HEAD', ['content-length: 7']],
    [200, ['content-length', '7'], none, 'keep', '1.1', 'GET', ['content-length: 7']],
    [200, [], none, 'keep', '1.1', 'HEAD', []],
    [304, [], none, 'keep', '1.1', 'GET', []],
    [204, [], none, 'keep', '1.1', 'GET', []],
    [100, [], none, 'close', '1.0', 'GET', []],
    [101, ['Connection', 'Upgrade'], none, 'close', '1.1', 'GET', ['Connection: Upgrade']],
  ] as const)('%i %j %j %s %s to %s', (status, fields, framing, connection, version, method, lines) => {
    const text = answerHeadText(status, 'Why', fields, framing, connection, version, method);
    expect(text).toBe([`HTTP/1.1 ${status} Why`, ...lines, '', ''].join('\r\n'));
    const step = new AnswerReader(headLimits).read(Buffer.from(text, 'latin1'), 0, method);
    expect(step.kind).toBe('head');
  });
});
