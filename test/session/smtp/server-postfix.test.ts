import { afterAll, beforeAll, expect, test } from 'vitest';
import { openServer, type ServerRequest } from '../../../src/session/smtp/open-server.js';
import { createServerPool } from '../../../src/session/smtp/server-pool.js';
import type { Endpoint } from '../../../src/topology/endpoints.js';
import { type Postfix, startPostfix } from '../../support/peers/postfix.js';
import { headerValues } from '../../support/peers/stored-message.js';
import { describePeer } from '../../support/require-peer.js';
import { until } from '../../support/until.js';
import { candidate, client, envelope, request, to } from './server-request.js';

describePeer('postfix', 'a Postfix behind us', () => {
  let postfix: Postfix;
  const pool = createServerPool();

  beforeAll(async () => {
    postfix = await startPostfix({ name: 'mbx1.test', domains: ['contoso.com'], tls: 'available' });
  }, 30_000);

  afterAll(async () => {
    pool.close();
    await postfix.stop();
  });

  async function send(subject: string, change: Partial<ServerRequest>, endpoint: Partial<Endpoint> = {}) {
    const opened = await openServer([candidate(postfix.port, endpoint)], request({ pool, ...change }));
    if (opened.kind !== 'taken') throw new Error(JSON.stringify(opened));
    const verdict = await opened.transaction.finish(Buffer.from(`Subject: ${subject}\r\n\r\nhello\r\n.\r\n`));
    expect(verdict).toMatchObject({ kind: 'accepted' });
    return until(subject, () => postfix.messages().find((message) => headerValues(message, 'Subject')[0] === subject));
  }

  test('learns of the client by XCLIENT, after STARTTLS', async () => {
    const endpoint: Partial<Endpoint> = { clientAddress: 'xclient', tls: 'starttls', verify: false };
    const message = await send('xclient', { client }, endpoint);
    const [received] = headerValues(message, 'Received');
    expect(received).toMatch(/^from pc\.example \(\S+ \[192\.0\.2\.7\]\)/);
    expect(received).toContain('TLSv1');
  });

  test('keeps a connection for many messages', async () => {
    for (const round of [1, 2, 3]) await send(`pooled ${round}`, {});
    expect(pool.idleCount).toBe(1);
  });

  test('reports a delivery that was asked for with DSN', async () => {
    const [ann] = to('ann');
    if (ann === undefined) throw new Error('no recipient');
    await send('dsn', {
      envelope: {
        ...envelope,
        from: 'eve@contoso.com',
        ret: 'HDRS',
        envid: 'QQ314159',
        to: [{ ...ann, notify: 'SUCCESS', orcpt: 'rfc822;Ann+2Bmail@contoso.com' }],
      },
    });
    const report = await until('the report', () =>
      postfix.messages().find(({ recipient }) => recipient === 'eve@contoso.com'),
    );
    expect(report.text).toContain('Original-Envelope-Id: QQ314159');
    expect(report.text).toContain('Original-Recipient: rfc822;Ann+mail@contoso.com');
  });

  test('takes addresses beyond ASCII', async () => {
    const message = await send('utf8', { envelope: { ...envelope, smtputf8: true, body8bit: true, to: to('grüße') } });
    expect(Buffer.from(message.recipient, 'latin1').toString()).toBe('grüße@contoso.com');
  });
});
