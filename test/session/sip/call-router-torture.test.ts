import { describe, expect, test } from 'vitest';
import { responseGrowthBytesMax } from '../../../src/protocols/sip/write-response.js';
import { tortureMessage, tortureNames } from '../../protocols/sip/torture-message.js';
import { openCallStage } from './call-stage.js';
import { requestText, type SipClient, tcpClient, udpClient } from './sip-client.js';

type Codes = readonly number[];

/** What a gateway hears of each message; nothing: it is dropped. */
const onUdp: Readonly<Record<string, Codes>> = {
  // Each has a To tag; nobody here has a dialog with it.
  wsinv: [481],
  esc01: [404],
  longreq: [404],
  baddate: [404],
  invut: [404],
  inv2543: [404],
  sdp01: [404],
  intmeth: [501],
  esc02: [501],
  mismatch02: [501],
  escnull: [405],
  dblreq: [405],
  mpart01: [405],
  unksm2: [405],
  regaut01: [405],
  cparam01: [405],
  cparam02: [405],
  regescrt: [405],
  lwsdisp: [200],
  semiuri: [200],
  transports: [200],
  badbranch: [200],
  zeromf: [200],
  unkscm: [416],
  novelsc: [416],
  bext01: [420],
  badinv01: [400],
  clerr: [400],
  ncl: [400],
  scalar02: [400],
  quotbal: [400],
  ltgtruri: [400],
  lwsruri: [400],
  lwsstart: [400],
  trws: [400],
  escruri: [400],
  regbadct: [400],
  badaspec: [400],
  baddn: [400],
  mismatch01: [400],
  insuf: [400],
  multi01: [400],
  mcl01: [400],
  badvers: [505],
  unreason: [],
  noreason: [],
  scalarlg: [],
  bigcode: [],
  bcast: [],
};

/** Where a connection hears something else, and whether it goes on. */
const onStream: Readonly<Record<string, { readonly codes: Codes; readonly then: 'open' | 'waiting' | 'closed' }>> = {
  // Its second message is one on a stream, an INVITE for nobody of ours; its length is a little too short.
  dblreq: { codes: [405, 100, 404], then: 'closed' },
  // Their lengths are too large: the rest is waited for.
  clerr: { codes: [], then: 'waiting' },
  multi01: { codes: [], then: 'waiting' },
  ncl: { codes: [400], then: 'closed' },
  mcl01: { codes: [400], then: 'closed' },
  inv2543: { codes: [400], then: 'closed' },
  bigcode: { codes: [], then: 'closed' },
};

/** The codes of final answers, until that of a request of our own comes. */
async function heard(client: SipClient): Promise<Codes> {
  const options = requestText('OPTIONS', { 'Call-ID': 'last' });
  client.send(options);
  const codes: number[] = [];
  for (;;) {
    const answer = await client.final();
    if (answer.field('Call-ID') === 'last') {
      expect(answer.code).toBe(200);
      return codes;
    }
    codes.push(answer.code);
  }
}

/** Answers come back to the port of ours that the message came from. */
const withRport = (name: string): Buffer => {
  const text = tortureMessage(name).toString('latin1');
  if (/^via.*;rport/im.test(text)) return tortureMessage(name);
  return Buffer.from(text.replace(/^v(?:ia)?\s*:\s*SIP\s*\/[^/]*\/\s*\w+\s+[^;,\s]+/im, '$&;rport'), 'latin1');
};

describe('the torture messages of RFC 4475 from a gateway', () => {
  test('all 49 are asked for', () => {
    expect(Object.keys(onUdp).sort()).toStrictEqual(tortureNames().sort());
  });

  test.each(tortureNames())('%s in a datagram', async (name) => {
    const stage = await openCallStage();
    const client = await udpClient(stage.ports.udp);
    const message = withRport(name);
    client.send(message);
    expect(await heard(client)).toStrictEqual(onUdp[name]);
    for (const { text } of client.answers) {
      expect(Buffer.byteLength(text, 'latin1')).toBeLessThan(message.length + responseGrowthBytesMax);
    }
    expect(stage.lines.filter(({ level }) => level === 'error')).toStrictEqual([]);
  });

  test.each(tortureNames())('%s on a stream', async (name) => {
    const { codes, then } = onStream[name] ?? { codes: onUdp[name] ?? [], then: 'open' };
    const stage = await openCallStage(then === 'open' ? {} : { limits: { preAuthTimeout: 300 } });
    const client = await tcpClient(stage.ports.tcp);
    client.send(tortureMessage(name));
    if (then === 'open') {
      expect(await heard(client)).toStrictEqual(codes);
    } else {
      await client.closed();
      expect(client.answers.map(({ code }) => code)).toStrictEqual(codes);
    }
    const next = await tcpClient(stage.ports.tcp);
    expect(await heard(next)).toStrictEqual([]);
    expect(stage.lines.filter(({ level }) => level === 'error')).toStrictEqual([]);
  });
});
