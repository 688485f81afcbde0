/**
 * What a payload has to come to. `refused`: no byte reaches a server, and nothing behind it is read. `declined`: the
 * same, but where it ends is beyond doubt, so what is behind it is served. `broken`: its head may, never the end of its
 * body. `requests`: exactly these reach the server, each with its body. `either`: refused, or exactly these.
 */
export type Verdict =
  | { readonly kind: 'refused'; readonly status?: number }
  | { readonly kind: 'declined' | 'broken' }
  | { readonly kind: 'requests' | 'either'; readonly requests: readonly string[] };

export interface Payload {
  readonly name: string;
  /** A character a byte. A request for /owa/canary comes right behind it. */
  readonly bytes: string;
  readonly verdict: Verdict;
  /**
   * What becomes of the canary behind requests that are served: a request of its own, never read as the payload ends
   * its connection, or part of a body that is longer than the payload.
   */
  readonly canary: 'served' | 'unread' | 'swallowed';
}

const host = 'Host: mail.contoso.com\r\n';
const smuggled = 'GET /owa/smuggled HTTP/1.1\r\nHost: mail.contoso.com\r\n\r\n';
const shown = (text: string): string => text.replace(/[^\x20-\x7e]/g, (sign) => `<${sign.charCodeAt(0).toString(16)}>`);

const refused = (name: string, bytes: string, status?: number): Payload => ({
  name,
  bytes,
  verdict: { kind: 'refused', ...(status !== undefined && { status }) },
  canary: 'unread',
});
const declined = (name: string, bytes: string): Payload => ({
  name,
  bytes,
  verdict: { kind: 'declined' },
  canary: 'served',
});
const broken = (name: string, bytes: string): Payload => ({
  name,
  bytes,
  verdict: { kind: 'broken' },
  canary: 'unread',
});
const served = (name: string, bytes: string, requests: string[], canary: Payload['canary'] = 'served'): Payload => ({
  name,
  bytes,
  verdict: { kind: 'requests', requests },
  canary,
});
const either = (name: string, bytes: string, requests: string[], canary: Payload['canary'] = 'served'): Payload => ({
  name,
  bytes,
  verdict: { kind: 'either', requests },
  canary,
});

const post = (fields: string, body: string): string => `POST /owa/a HTTP/1.1\r\n${host}${fields}\r\n${body}`;
const get = (fields: string): string => `GET /owa/a HTTP/1.1\r\n${host}${fields}\r\n`;
const chunked = (body: string): string => post('Transfer-Encoding: chunked\r\n', body);
const chunkedHello = '5\r\nhello\r\n0\r\n\r\n';

/** RFC 9112 §6.1, §6.3: two ways to tell where a body ends. */
const lengthAndCoding: readonly Payload[] = [
  ['a length, then a coding', `Content-Length: 6\r\nTransfer-Encoding: chunked\r\n`, `0\r\n\r\nG`],
  ['a coding, then a length', `Transfer-Encoding: chunked\r\nContent-Length: 4\r\n`, `1\r\nZ\r\nQ\r\n0\r\n\r\n`],
  ['a length that covers the chunks', `Content-Length: 15\r\nTransfer-Encoding: chunked\r\n`, chunkedHello],
  ['a length of zero and a coding', `Content-Length: 0\r\nTransfer-Encoding: chunked\r\n`, chunkedHello],
  ['a length of another case and a coding', `content-LENGTH: 3\r\nTRANSFER-encoding: chunked\r\n`, chunkedHello],
  ['a length and an unknown coding', `Content-Length: 5\r\nTransfer-Encoding: cow\r\n`, 'hello'],
  ['a length and the identity coding', `Content-Length: 5\r\nTransfer-Encoding: identity\r\n`, 'hello'],
  ['a length and an empty coding', `Content-Length: 5\r\nTransfer-Encoding:\r\n`, 'hello'],
  [
    'a length that Connection names, and a coding',
    `Connection: Content-Length\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n`,
    chunkedHello,
  ],
  [
    'a coding that Connection names, and a length',
    `Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n`,
    chunkedHello,
  ],
].map(([name = '', fields = '', body = '']) => refused(name, post(fields, body)));

const lengthValues: readonly Payload[] = [
  ...[
    '',
    '+5',
    '-5',
    '0x5',
    '5.0',
    '5e0',
    '5;',
    '5,',
    ',5',
    '5,5',
    '5, 5',
    '5, 6',
    '5 5',
    '1 0',
    '5_0',
    '"5"',
    '\x0b5',
    '5\x0b',
    '5\x0c',
    '5\0',
    '\x005',
    '5\xa0',
    '\xb2',
    '\u00d9\u00a5',
    'five',
    '0b101',
    '99999999999999999999',
    '18446744073709551621',
    '9007199254740993',
    '-0',
    '5 ;x',
    '5\x7f',
    '5\x1b',
  ].map((value) => refused(`the length ${shown(value)}`, post(`Content-Length: ${value}\r\n`, 'hello'))),
  refused('two lengths', post('Content-Length: 5\r\nContent-Length: 6\r\n', 'hello!')),
  refused('two equal lengths', post('Content-Length: 5\r\nContent-Length: 5\r\n', 'hello')),
  refused('two lengths of which the last is zero', post('Content-Length: 5\r\nContent-Length: 0\r\n', 'hello')),
  refused('two lengths with a field between', post('Content-Length: 0\r\nX: y\r\ncontent-length: 5\r\n', 'hello')),
  either('a length with a leading zero', post('Content-Length: 05\r\n', 'hello'), ['POST /owa/a hello']),
  either('a length with many leading zeros', post(`Content-Length: ${'0'.repeat(40)}5\r\n`, 'hello'), [
    'POST /owa/a hello',
  ]),
  served('a length with blanks around', post('Content-Length: \t 5  \r\n', 'hello'), ['POST /owa/a hello']),
  // A tab behind it is allowed, but there are readers for whom it belongs to the value.
  either('a length with a tab behind', post('Content-Length: 5\t\r\n', 'hello'), ['POST /owa/a hello']),
  either('a coding with a tab behind', post('Transfer-Encoding: chunked\t\r\n', chunkedHello), ['POST /owa/a hello']),
  served('a length without a blank', post('Content-Length:5\r\n', 'hello'), ['POST /owa/a hello']),
];

const codingValues: readonly Payload[] = [
  ...[
    'xchunked',
    'chunkedx',
    'chunked, chunked',
    'chunked,identity',
    'identity, chunked',
    'identity',
    'gzip, chunked',
    'gzip',
    'chunked;q=1',
    'chunked\x0b',
    '\x0bchunked',
    'chunked\x0c',
    'chu nked',
    'chunked,',
    ',chunked',
    'chunked ,',
    '"chunked"',
    "'chunked'",
    'chunked\0',
    '\0chunked',
    'chunked\xa0',
    'chunk',
    'chunked;',
    'x, chunked',
    'chunked\x7f',
    '',
  ].map((value) => refused(`the coding ${shown(value)}`, post(`Transfer-Encoding: ${value}\r\n`, chunkedHello))),
  refused('two codings', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', chunkedHello)),
  refused(
    'two codings of which the last is none',
    post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', chunkedHello),
  ),
  refused(
    'two codings of which the first is none',
    post('Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n', chunkedHello),
  ),
  refused('a coding over two lines', post('Transfer-Encoding:\r\n chunked\r\n', chunkedHello)),
  refused('a coding that goes on in a line', post('Transfer-Encoding: chunked\r\n , identity\r\n', chunkedHello)),
  refused('a coding in HTTP/1.0', `POST /owa/a HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n${chunkedHello}`),
  refused(
    'a coding and a length in HTTP/1.0',
    `POST /owa/a HTTP/1.0\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${chunkedHello}`,
  ),
  either('the coding of another case', post('Transfer-Encoding: ChUnKeD\r\n', chunkedHello), ['POST /owa/a hello']),
  served('the coding with blanks around', post('Transfer-Encoding: \t chunked \r\n', chunkedHello), [
    'POST /owa/a hello',
  ]),
];

/** RFC 9112 §5.1: a framing field that one reader sees and another does not. */
const hiddenFields: readonly Payload[] = [
  'Transfer-Encoding : chunked',
  'Transfer-Encoding\t: chunked',
  'Transfer Encoding: chunked',
  ' Transfer-Encoding: chunked',
  '\tTransfer-Encoding: chunked',
  'X: y\n Transfer-Encoding: chunked',
  'X: y\nTransfer-Encoding: chunked',
  'X: y\rTransfer-Encoding: chunked',
  'X: y\r\r\nTransfer-Encoding: chunked',
  'X: y\n\r\nTransfer-Encoding: chunked',
  '\0Transfer-Encoding: chunked',
  'Transfer-Encoding\0: chunked',
  '\x0bTransfer-Encoding: chunked',
  'Transfer-Encoding\x0b: chunked',
  'Transfer-\xadEncoding: chunked',
  '"Transfer-Encoding": chunked',
  'Transfer-Encoding;: chunked',
  ': chunked',
  'Transfer-Encoding',
  'Transfer-Encoding chunked',
  'Transfer-Encoding:\n chunked',
  'Transfer-Encoding:\r chunked',
  'X(: chunked',
  'X@y: chunked',
  'X\xe9: chunked',
  'X[]: y',
  'X{}: y',
  'X: \0',
  'X: \x01',
  'X: \x7f',
  'X: a\x1bb',
  'X: a\rb',
  'X: a\nb',
  'X: a\r\n b',
  'X: a\r\n\tb',
  'garbage',
].map((line) => refused(`the line ${shown(line)}`, post(`Content-Length: 5\r\n${line}\r\n`, 'hello')));

const chunks: readonly Payload[] = [
  ...[
    '',
    ' 5',
    '5 ',
    '\t5',
    '+5',
    '-5',
    '0x5',
    '5h',
    'g',
    '5.',
    '5,',
    '1_0',
    '\u00d9',
    '5\0',
    '5\x0b',
    '5;\0',
    '5;\x01',
    '5;a=\0',
    '5;a="\x01"',
    '5;a="b',
    '5;a="b\\',
    'FFFFFFFFFFFFFFFF',
    'fffffffffffffffff',
    '8000000000000000',
    '10000000000000005',
    '5;a=b\nX',
    '5;a=b\rX',
    '5\n',
    '5\r',
    '5\rX',
    '5\r\r',
  ].map((size) => broken(`the chunk line ${shown(size)}`, chunked(`${size}\r\nhello\r\n0\r\n\r\n${smuggled}`))),
  broken('a chunk line ended by LF', chunked(`5\nhello\r\n0\r\n\r\n${smuggled}`)),
  broken('a chunk line ended by CR', chunked(`5\rhello\r\n0\r\n\r\n${smuggled}`)),
  broken('a chunk longer than its size', chunked(`5\r\nhello!\r\n0\r\n\r\n${smuggled}`)),
  broken('a chunk shorter than its size', chunked(`6\r\nhello\r\n0\r\n\r\n${smuggled}`)),
  broken('a chunk without a line end', chunked(`5\r\nhello0\r\n\r\n${smuggled}`)),
  broken('a chunk followed by LF', chunked(`5\r\nhello\n0\r\n\r\n${smuggled}`)),
  broken('a chunk followed by CR', chunked(`5\r\nhello\r0\r\n\r\n${smuggled}`)),
  broken('a chunk followed by two line ends', chunked(`5\r\nhello\r\n\r\n0\r\n\r\n${smuggled}`)),
  broken('the last chunk ended by LF', chunked(`5\r\nhello\r\n0\n\r\n${smuggled}`)),
  broken('the last line end is LF', chunked(`5\r\nhello\r\n0\r\n\n${smuggled}`)),
  broken('the last line end is LF CR', chunked(`5\r\nhello\r\n0\r\n\n\r${smuggled}`)),
  broken('an extension that hides a line end', chunked(`5;a="\r\n0\r\n\r\n${smuggled}`)),
  broken('an extension that hides a line end by a backslash', chunked(`5;a="\\\r\n0\r\n\r\n${smuggled}`)),
  broken('an extension without a name', chunked(`5;=b\r\nhello\r\n0\r\n\r\n${smuggled}`)),
  broken('an extension of two words', chunked(`5;a b\r\nhello\r\n0\r\n\r\n${smuggled}`)),
  broken('a trailer without a colon', chunked(`5\r\nhello\r\n0\r\nGET /owa/smuggled HTTP/1.1\r\n\r\n`)),
  broken('a trailer ended by LF', chunked(`5\r\nhello\r\n0\r\nX: y\n\r\n${smuggled}`)),
  broken('a trailer of two lines', chunked(`5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n${smuggled}`)),
  broken('a trailer with a space before the colon', chunked(`5\r\nhello\r\n0\r\nX : y\r\n\r\n${smuggled}`)),
  broken('a trailer with a NUL', chunked(`5\r\nhello\r\n0\r\nX: y\0\r\n\r\n${smuggled}`)),
  served('chunks', chunked(`1\r\nh\r\n4\r\nello\r\n0\r\n\r\n`), ['POST /owa/a hello']),
  served('an empty chunked body', chunked('0\r\n\r\n'), ['POST /owa/a']),
  either('a size with zeros before it', chunked('000005\r\nhello\r\n0\r\n\r\n'), ['POST /owa/a hello']),
  either('a last chunk of several zeros', chunked('5\r\nhello\r\n000\r\n\r\n'), ['POST /owa/a hello']),
  served('sizes of either case', chunked(`a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n`), [
    'POST /owa/a 01234567890123456789',
  ]),
  served('extensions', chunked('5;a=b;c="d;e"\r\nhello\r\n0;f\r\n\r\n'), ['POST /owa/a hello']),
  either('an extension with blanks', chunked('5 ; a = b\r\nhello\r\n0\r\n\r\n'), ['POST /owa/a hello']),
  served('a trailer', chunked('5\r\nhello\r\n0\r\nX-Checksum: 5\r\n\r\n'), ['POST /owa/a hello']),
  ...[
    'Content-Length: 50',
    'Transfer-Encoding: chunked',
    'Host: other.example',
    'Authorization: Basic eDp5',
    'Cookie: a=b',
    'Connection: close',
    'X-Forwarded-For: 10.0.0.1',
  ].map((line) => either(`the trailer ${line}`, chunked(`5\r\nhello\r\n0\r\n${line}\r\n\r\n`), ['POST /owa/a hello'])),
  served('a chunk that looks like a request', chunked(`${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`), [
    `POST /owa/a ${smuggled}`,
  ]),
];

const requestLines: readonly Payload[] = [
  ...[
    'GET  /owa/a HTTP/1.1',
    'GET /owa/a  HTTP/1.1',
    ' GET /owa/a HTTP/1.1',
    'GET /owa/a HTTP/1.1 ',
    'GET\t/owa/a\tHTTP/1.1',
    'GET /owa/a',
    'GET /owa/a HTTP/1.2',
    'GET /owa/a HTTP/0.9',
    'GET /owa/a HTTP/2.0',
    'GET /owa/a HTTP/3',
    'GET /owa/a http/1.1',
    'GET /owa/a HTTP/1.1 HTTP/1.1',
    'GET /owa/a HTTP/01.1',
    'GET /owa/a HTTP/1.10',
    'GET /owa/a HTTP /1.1',
    'GET /owa/a HTTP/11',
    'GET /owa/a HTTP/1.1\0',
    'GET /owa/a\0 HTTP/1.1',
    'GET /owa/a b HTTP/1.1',
    'GET /owa/\x01 HTTP/1.1',
    'GET /owa/\x7f HTTP/1.1',
    'GET /owa/\xe9 HTTP/1.1',
    'GET /owa/a\x0bHTTP/1.1',
    'GET owa/a HTTP/1.1',
    'GET ?a HTTP/1.1',
    'GET mail.contoso.com HTTP/1.1',
    'GET ftp://mail.contoso.com/owa/ HTTP/1.1',
    'GET http:/owa/ HTTP/1.1',
    'GET http:///owa/ HTTP/1.1',
    'GET  HTTP/1.1',
    '/owa/a HTTP/1.1',
    'G\0T /owa/a HTTP/1.1',
    'GET: /owa/a HTTP/1.1',
    '(GET) /owa/a HTTP/1.1',
    'G\xc9T /owa/a HTTP/1.1',
    `${'G'.repeat(64)} /owa/a HTTP/1.1`,
    'CONNECT mail.contoso.com:443 HTTP/1.1',
    'CONNECT /owa/a HTTP/1.1',
    'HTTP/1.1 200 OK',
    'GET /owa/a HTTP/1.1\rX: y',
    'GET /owa/a HTTP/1.1\nX: y',
  ].map((line) => refused(`the request line ${shown(line)}`, `${line}\r\n${host}\r\n`)),
  ...[
    'GET /owa/#x HTTP/1.1',
    'GET /owa\\a HTTP/1.1',
    'GET http://u@mail.contoso.com/owa/ HTTP/1.1',
    'GET /owa/../ews/ HTTP/1.1',
    'GET /owa/%2e%2e/ews/ HTTP/1.1',
    'GET /owa/..%2fews/ HTTP/1.1',
    'GET /owa/..%5cews/ HTTP/1.1',
    'GET /owa/%252e%252e/ews/ HTTP/1.1',
    'GET /owa/%2E%2E/ews/ HTTP/1.1',
    'GET /owa//../ews/ HTTP/1.1',
    'GET /owa/.%2e/ews/ HTTP/1.1',
    'GET /ews/x/../../owa/ HTTP/1.1',
  ].map((line) => declined(`the request line ${shown(line)}`, `${line}\r\n${host}\r\n`)),
  refused('the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  refused('a request of HTTP/0.9', 'GET /owa/a\r\n'),
  refused('lines ended by LF', `GET /owa/a HTTP/1.1\nHost: mail.contoso.com\n\n`),
  refused('a head ended by LF', `GET /owa/a HTTP/1.1\r\nHost: mail.contoso.com\r\n\n`),
  refused('a head ended by LF CR LF', `GET /owa/a HTTP/1.1\r\nHost: mail.contoso.com\n\r\n`),
  refused('a head ended by CR CR LF', `GET /owa/a HTTP/1.1\r\nHost: mail.contoso.com\r\n\r\r\n`),
  refused('lines ended by CR', `GET /owa/a HTTP/1.1\rHost: mail.contoso.com\r\r`),
  refused('a LF before it', `\n${get('')}`),
  refused('a CR before it', `\r${get('')}`),
  refused('many empty lines before it', `${'\r\n'.repeat(1000)}${get('')}`),
  refused('bytes of TLS', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n'),
  refused('a NUL before it', `\0${get('')}`),
  served('one empty line before it', `\r\n${get('')}`, ['GET /owa/a']),
  served('a whole URL', `GET http://mail.contoso.com/owa/a HTTP/1.1\r\n${host}\r\n`, ['GET /owa/a']),
  either('a whole URL of another host', `GET http://other.example/owa/a HTTP/1.1\r\n${host}\r\n`, ['GET /owa/a']),
  served('dots that stay in the service', `GET /owa/x/../b HTTP/1.1\r\n${host}\r\n`, ['GET /owa/x/../b']),
  either('an asterisk', `OPTIONS * HTTP/1.1\r\n${host}\r\n`, []),
];

/** RFC 9112 §3.2: whom two readers could take for the host. */
const hosts: readonly Payload[] = [
  refused('no Host', 'GET /owa/a HTTP/1.1\r\n\r\n', 400),
  refused('two Hosts', `GET /owa/a HTTP/1.1\r\n${host}Host: other.example\r\n\r\n`, 400),
  refused('two equal Hosts', `GET /owa/a HTTP/1.1\r\n${host}${host}\r\n`, 400),
  refused('two Hosts in HTTP/1.0', `GET /owa/a HTTP/1.0\r\n${host}${host}\r\n`, 400),
  refused('a Host over two lines', 'GET /owa/a HTTP/1.1\r\nHost: mail\r\n .contoso.com\r\n\r\n'),
  ...[
    '',
    ' ',
    'a b',
    'a,b',
    'u@mail.contoso.com',
    'mail.contoso.com/owa',
    'mail.contoso.com?x',
    'mail.contoso.com#x',
    'mail:x',
    'mail:80:80',
    'mail.contoso.com:-1',
    '[::1',
    '::1]',
    '[::1]x',
    'mail\\x',
    'mail\0',
    'mail\x0b',
    'ma\xefl',
    'http://mail',
    '<mail>',
    '"mail"',
    'mail^',
  ].map((value) => refused(`the Host ${shown(value)}`, `GET /owa/a HTTP/1.1\r\nHost: ${value}\r\n\r\n`)),
  served('no Host in HTTP/1.0', 'GET /owa/a HTTP/1.0\r\n\r\n', ['GET /owa/a'], 'unread'),
  served('an address as Host', `GET /owa/a HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n`, ['GET /owa/a']),
];

const others: readonly Payload[] = [
  refused('an Expect that nobody knows', post('Expect: 200-ok\r\nContent-Length: 5\r\n', 'hello'), 417),
  refused('an Expect of two', post('Expect: 100-continue, 200-ok\r\nContent-Length: 5\r\n', 'hello'), 417),
  served('three requests at once', `${get('')}${post('Content-Length: 5\r\n', 'hello')}${get('')}`, [
    'GET /owa/a',
    'POST /owa/a hello',
    'GET /owa/a',
  ]),
  served('a GET with a body that looks like a request', get(`Content-Length: ${smuggled.length}\r\n`) + smuggled, [
    `GET /owa/a ${smuggled}`,
  ]),
  served('a HEAD with a body', `HEAD /owa/a HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello`, ['HEAD /owa/a hello']),
  served('a DELETE with chunks', `DELETE /owa/a HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n${chunkedHello}`, [
    'DELETE /owa/a hello',
  ]),
  served('a method of one letter', `Q /owa/a HTTP/1.1\r\n${host}\r\n`, ['Q /owa/a']),
  served(
    'a length that Connection names',
    post('Connection: keep-alive, Content-Length\r\nContent-Length: 5\r\n', 'hello'),
    ['POST /owa/a hello'],
  ),
  served(
    'a coding that Connection names',
    post('Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n', chunkedHello),
    ['POST /owa/a hello'],
  ),
  served('a Host that Connection names', get('Connection: Host\r\n'), ['GET /owa/a']),
  served('a request that closes', get('Connection: close\r\n'), ['GET /owa/a'], 'unread'),
  served('a request that closes in capitals', get('connection: foo, CLOSE\r\n'), ['GET /owa/a'], 'unread'),
  served('a request of HTTP/1.0', `GET /owa/a HTTP/1.0\r\n${host}\r\n`, ['GET /owa/a'], 'unread'),
  served('a request of HTTP/1.0 that stays', `GET /owa/a HTTP/1.0\r\n${host}Connection: keep-alive\r\n\r\n`, [
    'GET /owa/a',
  ]),
  served('a length beyond what came', post('Content-Length: 5000\r\n', 'hello'), [], 'swallowed'),
  served('a chunk beyond what came', chunked('5000\r\nhello'), [], 'swallowed'),
  either(
    'an upgrade to HTTP/2',
    get('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'),
    ['GET /owa/a'],
  ),
  either(
    'an upgrade with a body',
    post('Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n', 'hello'),
    ['POST /owa/a hello'],
  ),
  either('an Upgrade that Connection does not name', get('Upgrade: websocket\r\n'), ['GET /owa/a']),
  served('names that look like framing', post('Content-Length: 5\r\nX-Content-Len: 7\r\n', 'hello'), [
    'POST /owa/a hello',
  ]),
  either('a length with an underscore', get('Content_Length: 50\r\n'), ['GET /owa/a']),
  either('a coding with an underscore', post('Content-Length: 5\r\nTransfer_Encoding: chunked\r\n', 'hello'), [
    'POST /owa/a hello',
  ]),
  // Any token is a method.
  served('a body behind GET without a length', `${get('')}hello`, ['GET /owa/a', 'helloGET /owa/canary'], 'unread'),
];

/** Payloads of our own making, after RFC 9112 and what is known to have been read in two ways. */
export const smugglingCorpus: readonly Payload[] = [
  ...lengthAndCoding,
  ...lengthValues,
  ...codingValues,
  ...hiddenFields,
  ...chunks,
  ...requestLines,
  ...hosts,
  ...others,
];
