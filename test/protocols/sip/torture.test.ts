import { describe, expect, test } from 'vitest';
import { MessageSplitter } from '../../../src/protocols/sip/message-splitter.js';
import { readSipMessage } from '../../../src/protocols/sip/read-message.js';
import type { SipReading } from '../../../src/protocols/sip/sip-message.js';
import { tortureMessage, tortureNames } from './torture-message.js';

/** What RFC 4475 says of each of its messages; where it leaves a choice, ours and why. */
const verdicts: ReadonlyArray<readonly [section: string, name: string, verdict: string]> = [
  ['3.1.1.1', 'wsinv', 'request INVITE'],
  ['3.1.1.2', 'intmeth', "request !interesting-Method0123456789_*+`.%indeed'~"],
  ['3.1.1.3', 'esc01', 'request INVITE'],
  ['3.1.1.4', 'escnull', 'request REGISTER'],
  ['3.1.1.5', 'esc02', 'request RE%47IST%45R'],
  ['3.1.1.6', 'lwsdisp', 'request OPTIONS'],
  ['3.1.1.7', 'longreq', 'request INVITE'],
  ['3.1.1.8', 'dblreq', 'request REGISTER'],
  ['3.1.1.9', 'semiuri', 'request OPTIONS'],
  ['3.1.1.10', 'transports', 'request OPTIONS'],
  ['3.1.1.11', 'mpart01', 'request MESSAGE'],
  ['3.1.1.12', 'unreason', 'response 200'],
  ['3.1.1.13', 'noreason', 'response 100'],
  ['3.1.2.1', 'badinv01', 'refused 400 Bad Request: Via is malformed'],
  ['3.1.2.2', 'clerr', 'refused 400 Bad Request: Content-Length is larger than the message'],
  ['3.1.2.3', 'ncl', 'refused 400 Bad Request: Content-Length is no number'],
  ['3.1.2.4', 'scalar02', 'refused 400 Bad Request: the CSeq number is too large'],
  // "An element receiving this response will simply discard it."
  ['3.1.2.5', 'scalarlg', 'garbage response: Bad Request: the CSeq number is too large'],
  ['3.1.2.6', 'quotbal', 'refused 400 Bad Request: To is malformed'],
  ['3.1.2.7', 'ltgtruri', 'refused 400 Bad Request: the Request-URI is malformed'],
  ['3.1.2.8', 'lwsruri', 'refused 400 Bad Request: the request line is malformed'],
  // "It is acceptable to reject this request as malformed": so are the next two.
  ['3.1.2.9', 'lwsstart', 'refused 400 Bad Request: the request line is malformed'],
  ['3.1.2.10', 'trws', 'refused 400 Bad Request: the request line is malformed'],
  ['3.1.2.11', 'escruri', 'refused 400 Bad Request: the Request-URI has headers'],
  // An element should not reject it unless Date is important to its processing, and here it is not.
  ['3.1.2.12', 'baddate', 'request INVITE'],
  ['3.1.2.13', 'regbadct', 'refused 400 Bad Request: Contact is malformed'],
  ['3.1.2.14', 'badaspec', 'refused 400 Bad Request: To is malformed'],
  ['3.1.2.15', 'baddn', 'refused 400 Bad Request: From is malformed'],
  ['3.1.2.16', 'badvers', 'refused 505 Version Not Supported'],
  ['3.1.2.17', 'mismatch01', 'refused 400 Bad Request: CSeq has another method'],
  // 400 is acceptable too, but 501 "has better future-proof characteristics".
  ['3.1.2.18', 'mismatch02', 'refused 501 Not Implemented'],
  ['3.1.2.19', 'bigcode', 'garbage no SIP'],
  // It may be refused, or told apart from others as RFC 2543 did; the transactions do that.
  ['3.2.1', 'badbranch', 'request OPTIONS'],
  ['3.3.1', 'insuf', 'refused 400 Bad Request: From is missing'],
  // 416 is for who knows which schemes it routes.
  ['3.3.2', 'unkscm', 'request OPTIONS'],
  ['3.3.3', 'novelsc', 'request OPTIONS'],
  ['3.3.4', 'unksm2', 'request REGISTER'],
  ['3.3.5', 'bext01', 'request OPTIONS'],
  ['3.3.6', 'invut', 'request INVITE'],
  ['3.3.7', 'regaut01', 'request REGISTER'],
  ['3.3.8', 'multi01', 'refused 400 Bad Request: CSeq is given twice'],
  ['3.3.9', 'mcl01', 'refused 400 Bad Request: Content-Length is given twice'],
  ['3.3.10', 'bcast', 'response 200'],
  ['3.3.11', 'zeromf', 'request OPTIONS'],
  ['3.3.12', 'cparam01', 'request REGISTER'],
  ['3.3.13', 'cparam02', 'request REGISTER'],
  ['3.3.14', 'regescrt', 'request REGISTER'],
  ['3.3.15', 'sdp01', 'request INVITE'],
  ['3.4.1', 'inv2543', 'request INVITE'],
];

function verdictOf(reading: SipReading): string {
  switch (reading.kind) {
    case 'request':
      return `request ${reading.request.method}`;
    case 'refused':
      return `refused ${reading.code} ${reading.reason}`;
    case 'response':
      return `response ${reading.code}`;
    case 'garbage':
      return `garbage ${reading.reason}`;
  }
}

function requestOf(name: string) {
  const reading = readSipMessage(tortureMessage(name));
  if (reading.kind !== 'request' && reading.kind !== 'refused') throw new Error(`${name} is ${reading.kind}`);
  return reading.request;
}

describe('the torture messages of RFC 4475', () => {
  test('all 49 are here', () => {
    expect(verdicts).toHaveLength(49);
    expect(new Set(verdicts.map(([section]) => section)).size).toBe(49);
    expect(tortureNames().sort()).toEqual(verdicts.map(([, name]) => name).sort());
  });

  test.each(verdicts)('§%s %s: %s', (_, name, verdict) => {
    expect(verdictOf(readSipMessage(tortureMessage(name)))).toBe(verdict);
  });

  // Two messages in one go, lengths that are larger or missing, and no length that can be trusted.
  const onStream: Readonly<Record<string, readonly string[]>> = {
    dblreq: ['message request REGISTER', 'message request INVITE', 'more'],
    clerr: ['more'],
    // Its length is two octets too large.
    multi01: ['more'],
    ncl: ['broken refused 400 Bad Request: Content-Length is no number'],
    mcl01: ['broken refused 400 Bad Request: Content-Length is given twice'],
    inv2543: ['broken refused 400 Bad Request: Content-Length is missing'],
    bigcode: ['broken garbage no SIP'],
  };

  test.each(verdicts)('§%s %s on a stream', (_, name, verdict) => {
    const splitter = new MessageSplitter();
    splitter.push(tortureMessage(name));
    const expected = onStream[name] ?? [`message ${verdict}`];
    const seen = expected.map(() => {
      const step = splitter.next();
      return 'reading' in step ? `${step.kind} ${verdictOf(step.reading)}` : step.kind;
    });
    expect(seen).toEqual(expected);
  });
});

describe('what is read of them', () => {
  test('folding, spaces and odd cases', () => {
    const { to, from, maxForwards, callId, cseq, vias, fields } = requestOf('wsinv');
    expect(to.uri).toBe('sip:vivekg@chair-dnrc.example.com');
    expect(to.parameters).toEqual(new Map([['tag', '1918181833n']]));
    expect(from.uri).toBe('sip:jdrosen@example.com');
    expect(from.parameters.get('tag')).toBe('98asjd8');
    expect(from.text).toBe(String.raw`"J Rosenberg \\\""       <sip:jdrosen@example.com> ; tag = 98asjd8`);
    expect([maxForwards, callId, cseq]).toEqual([68, 'wsinv.ndaksdj@192.0.2.1', { number: 9, method: 'INVITE' }]);
    expect(vias.map(({ transport, host, branch }) => [transport, host, branch])).toEqual([
      ['UDP', '192.0.2.2', '390skdjuw'],
      ['TCP', 'spindle.example.com', 'z9hG4bK9ikj8'],
      ['UDP', '192.168.255.111', 'z9hG4bK30239'],
    ]);
    expect(fields.find(({ name }) => name === 'subject')?.value).toBe('');
    expect(fields.find(({ name }) => name === 'newfangledheader')?.value).toBe(
      'newfangled value continued newfangled value',
    );
    expect(fields.find(({ name }) => name === 'unknownheaderwithunusualvalue')?.value).toBe(';;,,;;,;');
  });

  test('unusual characters, as they came', () => {
    const { uri, to, from, callId, vias, fields } = requestOf('intmeth');
    expect(uri).toContain('/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.');
    expect(to.text).toContain('"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <');
    expect(from.parameters.get('tag')).toBe("_token~1'+`*%!-.");
    expect(Buffer.from(from.parameters.get("fromparam''~+*_!.-%") ?? '', 'latin1').toString('utf8')).toBe('работающий');
    expect(callId).toBe('intmeth.word%ZK-!.*_+\'@word`~)(><:\\/"][?}{');
    expect(vias[0]?.branch).toBe("z9hG4bK-.!%66*_+`'~");
    const extension = fields.find(({ name }) => name === "extensionheader-!.%*+_`'~");
    expect(Buffer.from(extension?.value ?? '', 'latin1').toString('utf8')).toBe('\ufeff大停電');
  });

  test('an escaped name is another name', () => {
    expect(requestOf('esc02').fields.filter(({ name }) => name === 'contact')).toHaveLength(2);
  });

  test('long values and many vias', () => {
    const { vias, from, to } = requestOf('longreq');
    expect(vias).toHaveLength(34);
    expect(vias[0]?.host).toBe('sip33.example.com');
    expect(vias[33]?.branch).toHaveLength('verybranchvalue'.length + 200);
    expect(from.parameters.get('tag')).toBe(`12${'982'.repeat(50)}424`);
    expect(to.uri).toMatch(/^sip:user@example.com:6000;unknownparam1=very.*NoValue$/);
  });

  test('the size is that of the message, not of the datagram', () => {
    expect(requestOf('dblreq').totalBytes).toBe(tortureMessage('dblreq').indexOf('\r\n\r\n') + 4);
    expect(requestOf('mpart01').totalBytes).toBe(tortureMessage('mpart01').length);
    expect(requestOf('inv2543').totalBytes).toBe(tortureMessage('inv2543').length);
  });

  test('what is missing is empty, what is malformed keeps its text', () => {
    const { from, to, callId, cseq } = requestOf('insuf');
    expect([from.text, to.text, callId, cseq.number]).toEqual(['', '', '', 193942]);
    expect(requestOf('quotbal').to).toEqual({
      uri: '',
      parameters: new Map(),
      text: '"Mr. J. User <sip:j.user@example.com>',
    });
    expect(requestOf('badinv01').vias.map(({ text }) => text)).toEqual(['SIP/2.0/UDP 192.0.2.15']);
    expect(requestOf('multi01').callId).toBe('multi01.98asdh@192.0.2.1');
  });

  test('a parameter behind a bare URI is of the field', () => {
    const contact = requestOf('cparam01').fields.find(({ name }) => name === 'contact');
    expect(contact?.value).toBe('sip:+19725552222@gw1.example.net;unknownparam');
    expect(requestOf('inv2543').to.parameters).toEqual(new Map([['user', 'phone']]));
  });
});
