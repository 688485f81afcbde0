import { describe, expect, test } from 'vitest';
import { until } from '../../support/until.js';
import { directory, openCallStage } from './call-stage.js';
import { following, type RequestOptions, requestText, type SipClient, tcpClient, udpClient } from './sip-client.js';

type Fields = Readonly<Record<string, string | null>>;

const allow = 'INVITE, ACK, CANCEL, OPTIONS';
const diverted: Fields = { Diversion: '<sip:5101@pbx.contoso.com>;reason=no-answer' };

describe('an INVITE', () => {
  test.each(['udp', 'tcp'] as const)(
    'over %s: 100, then 302 with the server of whom it was diverted from',
    async (way) => {
      const stage = await openCallStage();
      const client: SipClient = way === 'udp' ? await udpClient(stage.ports.udp) : await tcpClient(stage.ports.tcp);
      const invite = requestText('INVITE', diverted, { body: 'v=0\r\n' });
      client.send(invite);
      const trying = await client.next();
      const moved = await client.next();
      expect([trying.code, moved.code]).toStrictEqual([100, 302]);
      expect(moved.field('Contact')).toBe('<sip:5000@mbx1.contoso.com:5062;transport=tcp>');
      expect(trying.field('To')).not.toContain('tag=');
      expect(moved.field('To')).toMatch(/;tag=[0-9a-f]{24}$/);
      for (const name of ['From', 'Call-ID', 'CSeq']) expect(invite).toContain(`${name}: ${moved.field(name)}\r\n`);
      client.send(following('ACK', invite, moved.field('To')));
      client.send(requestText('OPTIONS'));
      expect((await client.next()).code).toBe(200);
      expect(client.answers).toHaveLength(3);
      expect(stage.records).toMatchObject([
        {
          frontEnd: 'CAS1',
          listener: way === 'udp' ? 'SIPU' : 'SIP',
          transport: way,
          client: '127.0.0.1',
          clientPort: client.port,
          from: 'sip:4001@127.0.0.1',
          to: 'sip:5000@cas1.contoso.com',
          requestUri: 'sip:5000@cas1.contoso.com',
          diversion: 'sip:5101@pbx.contoso.com',
          status: 302,
          reason: 'callee',
          server: 'MBX1',
          contact: 'sip:5000@mbx1.contoso.com:5062;transport=tcp',
        },
      ]);
      expect(stage.records[0]?.trace.length).toBeGreaterThan(1);
      expect(stage.records[0]?.durationMs).toBeGreaterThanOrEqual(0);
    },
  );

  test.each<[string, number, Fields, RequestOptions]>([
    ['for an extension of somebody', 302, {}, { uri: 'sip:5102@cas1.contoso.com' }],
    ['for the pilot number', 302, {}, {}],
    ['for nobody', 404, {}, { uri: 'sip:5999@cas1.contoso.com' }],
    ['diverted from nobody we know', 404, { Diversion: '<sip:5999@pbx>' }, {}],
    ['in the clear, where the plan wants TLS', 488, {}, { uri: 'sip:6000@cas1.contoso.com' }],
    ['inside a dialog', 481, { To: '<sip:5000@cas1.contoso.com>;tag=ours' }, {}],
    ['without a hop left', 483, { 'Max-Forwards': '0' }, {}],
    ['with an unknown scheme', 416, {}, { uri: 'urn:service:sos' }],
    ['that requires an extension', 420, { Require: '100rel, foo' }, {}],
    ['that requires an extension of proxies', 420, { 'Proxy-Require': 'bar' }, {}],
    ['without a From', 400, { From: null }, {}],
    ['with two Call-IDs', 400, { 'Call-ID': 'a\r\nCall-ID: b' }, {}],
    ['of another CSeq method', 400, { CSeq: '1 BYE' }, {}],
    ['whose URI has headers', 400, {}, { uri: 'sip:5000@cas1.contoso.com?Route=x' }],
  ])('%s: %i', async (_, code, fields, options) => {
    const { ports } = await openCallStage();
    const client = await udpClient(ports.udp);
    const invite = requestText('INVITE', fields, options);
    client.send(invite);
    const answer = await client.final();
    expect(answer.code).toBe(code);
    expect(answer.field('Contact') === undefined).toBe(code !== 302);
    client.send(following('ACK', invite, answer.field('To')));
  });

  test('420 names what is required, once each', async () => {
    const { ports } = await openCallStage();
    const client = await udpClient(ports.udp);
    client.send(requestText('INVITE', { Require: '100rel, foo', 'Proxy-Require': 'foo,bar' }));
    expect((await client.final()).field('Unsupported')).toBe('100rel, foo, bar');
  });

  test('488 says why in a Warning', async () => {
    const { ports } = await openCallStage();
    const client = await udpClient(ports.udp);
    client.send(requestText('INVITE', {}, { uri: 'sip:6000@cas1.contoso.com' }));
    expect((await client.final()).field('Warning')).toBe(
      `399 usher "dial plan 'DP2' is sip-secured, the call came without TLS"`,
    );
  });

  test('for the pilot number takes the servers in turn', async () => {
    let turn = 0;
    const { ports } = await openCallStage({
      rotate: (targets) => {
        const first = turn++ % targets.length;
        return [...targets.slice(first), ...targets.slice(0, first)];
      },
    });
    const client = await udpClient(ports.udp);
    const hosts: (string | undefined)[] = [];
    for (const _ of Array(4)) {
      const invite = requestText('INVITE');
      client.send(invite);
      const answer = await client.final();
      client.send(following('ACK', invite, answer.field('To')));
      hosts.push(/@(.*?)[.]/.exec(answer.field('Contact') ?? '')?.[1]);
    }
    expect(hosts).toStrictEqual(['mbx1', 'mbx2', 'mbx1', 'mbx2']);
  });

  test('that comes again is answered as before, and is one call', async () => {
    const stage = await openCallStage();
    const client = await udpClient(stage.ports.udp);
    const invite = requestText('INVITE');
    client.send(invite);
    const first = await client.final();
    client.send(invite);
    expect((await client.next()).text).toBe(first.text);
    expect(stage.records).toHaveLength(1);
  });

  test('that came another way before is a loop', async () => {
    const { ports } = await openCallStage();
    const client = await udpClient(ports.udp);
    const invite = requestText('INVITE');
    client.send(invite);
    expect((await client.final()).code).toBe(302);
    client.send(invite.replace('branch=z9hG4bK', 'branch=z9hG4bK-other'));
    expect((await client.final()).code).toBe(482);
  });

  test('is repeated over UDP until its ACK comes', async () => {
    const { ports } = await openCallStage();
    const client = await udpClient(ports.udp);
    const invite = requestText('INVITE');
    client.send(invite);
    const first = await client.final();
    expect((await client.next()).text).toBe(first.text);
    client.send(following('ACK', invite, first.field('To')));
    await new Promise((resolve) => setTimeout(resolve, 1300));
    expect(client.answers.map(({ code }) => code)).toStrictEqual([100, 302, 302]);
  });

  test('for a mailbox in a database that is newer than the snapshot is answered by the newest revision', async () => {
    const { ports } = await openCallStage({
      fresh: { databases: [{ name: 'DB9', copies: ['MBX2'], active: 'MBX2' }] },
    });
    const client = await udpClient(ports.udp);
    client.send(requestText('INVITE', {}, { uri: 'sip:5109@cas1.contoso.com' }));
    expect((await client.final()).field('Contact')).toContain('@mbx2.contoso.com:5062');
  });

  test('that a fault of ours keeps from its answer is told 500, and nothing else ends', async () => {
    let isBroken = true;
    const stage = await openCallStage({
      directory: {
        ...directory,
        findByExtension: (extension) => {
          if (isBroken) throw new Error('the store is away');
          return directory.findByExtension(extension);
        },
      },
    });
    const clients = [await udpClient(stage.ports.udp), await tcpClient(stage.ports.tcp)];
    for (const client of clients) {
      const invite = requestText('INVITE', diverted);
      client.send(invite);
      const answer = await client.final();
      expect(answer.code).toBe(500);
      client.send(following('ACK', invite, answer.field('To')));
    }
    expect(stage.lines.map(({ level, error }) => [level, error])).toStrictEqual(
      [1, 2].map(() => ['error', 'the store is away']),
    );
    isBroken = false;
    for (const client of clients) {
      client.send(requestText('INVITE', diverted));
      expect((await client.final()).code).toBe(302);
    }
  });
});

describe('a CANCEL', () => {
  test('behind the 302 changes nothing; both have the same To tag', async () => {
    const { ports } = await openCallStage();
    const client = await udpClient(ports.udp);
    const invite = requestText('INVITE');
    client.send(invite);
    const moved = await client.final();
    client.send(following('CANCEL', invite));
    const answer = await client.next();
    expect([answer.code, answer.field('CSeq'), answer.field('To')]).toStrictEqual([200, '1 CANCEL', moved.field('To')]);
  });

  test('of nothing: 481', async () => {
    const { ports } = await openCallStage();
    const client = await udpClient(ports.udp);
    client.send(following('CANCEL', requestText('INVITE')));
    expect((await client.next()).code).toBe(481);
  });
});

describe('other requests', () => {
  test.each<[string, number, Fields, RequestOptions]>([
    ['OPTIONS', 200, {}, {}],
    ['OPTIONS', 200, { 'Max-Forwards': '0' }, {}],
    ['OPTIONS', 200, {}, { uri: 'sip:cas1.contoso.com' }],
    ['OPTIONS', 416, {}, { uri: 'http://cas1.contoso.com' }],
    ['OPTIONS', 420, { Require: 'x' }, {}],
    ['BYE', 481, { To: '<sip:5000@cas1>;tag=1' }, {}],
    ['BYE', 481, {}, {}],
    ['REGISTER', 405, {}, {}],
    ['SUBSCRIBE', 405, {}, {}],
    ['NOTIFY', 405, {}, {}],
    ['MESSAGE', 405, {}, {}],
    ['PUBLISH', 405, {}, {}],
    ['REFER', 405, {}, {}],
    ['INFO', 405, {}, {}],
    ['UPDATE', 481, { To: '<sip:5000@cas1>;tag=1' }, {}],
    ['PRACK', 481, { To: '<sip:5000@cas1>;tag=1' }, {}],
    ['NEWMETHOD', 501, {}, {}],
    ['invite', 501, {}, {}],
  ])('%s: %i %j', async (method, code, fields, options) => {
    const stage = await openCallStage();
    const client = await udpClient(stage.ports.udp);
    client.send(requestText(method, fields, options));
    const answer = await client.next();
    expect([answer.code, answer.field('Contact')]).toStrictEqual([code, undefined]);
    expect(answer.field('Allow')).toBe([200, 405, 501].includes(code) ? allow : undefined);
    expect(stage.records).toHaveLength(0);
  });

  test('an ACK of nothing, a response and what is no SIP are not answered', async () => {
    const stage = await openCallStage();
    const client = await udpClient(stage.ports.udp);
    client.send(requestText('ACK'));
    client.send(requestText('ACK', { From: null }));
    client.send(requestText('INVITE').replace(/^.*\r\n/, 'SIP/2.0 200 OK\r\n'));
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    client.send(Buffer.alloc(1000, 0xff));
    client.send('\r\n\r\n');
    client.send(Buffer.alloc(0));
    client.send(requestText('OPTIONS'));
    expect((await client.next()).code).toBe(200);
    expect(client.answers).toHaveLength(1);
    expect(stage.outcomes.filter((outcome) => outcome === 'response')).toHaveLength(1);
    expect(stage.lines).toStrictEqual([]);
  });
});

describe('out of service', () => {
  const states = (state: string, component = 'call-router') => ({
    servers: [
      { name: 'CAS1', site: 'A', roles: ['frontend'], components: [{ component, requester: 'maintenance', state }] },
      { name: 'MBX1', site: 'A' },
    ],
    dags: [],
    databases: [{ name: 'DB1', copies: ['MBX1'] }],
  });

  test.each([
    ['call-router', 'draining'],
    ['call-router', 'inactive'],
    ['server-wide', 'inactive'],
  ])('%s %s: OPTIONS and INVITE are told 503, and others what they always are', async (component, state) => {
    const stage = await openCallStage();
    const client = await udpClient(stage.ports.udp);
    stage.change(states(state, component));
    client.send(requestText('OPTIONS'));
    const answer = await client.next();
    expect([answer.code, answer.field('Retry-After')]).toStrictEqual([503, '60']);
    const invite = requestText('INVITE');
    client.send(invite);
    const refused = await client.final();
    expect([refused.code, refused.field('Retry-After')]).toStrictEqual([503, '60']);
    client.send(following('ACK', invite, refused.field('To')));
    client.send(requestText('REGISTER'));
    expect((await client.next()).code).toBe(405);
    stage.change(states('active', component));
    client.send(requestText('OPTIONS'));
    expect((await client.next()).code).toBe(200);
    await until('the record', () => stage.records.length === 1);
    expect(stage.records[0]).toMatchObject({ status: 503, reason: 'not-in-service', server: null, contact: null });
  });
});
