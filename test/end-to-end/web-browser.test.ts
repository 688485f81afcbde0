import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePorts } from '../support/free-port.js';
import { makeCertificate } from '../support/peers/certificate.js';
import { type Chromium, type Page, startChromium } from '../support/peers/chromium.js';
import type { WebServer } from '../support/peers/web-server.js';
import { createWebmail } from '../support/peers/webmail.js';
import { describePeer } from '../support/require-peer.js';
import { startUsher, type Usher } from '../support/usher.js';
import { mailboxEstate } from './mailbox-estate.js';

const host = 'mail.example.org';
const password = 'correct horse';
const whoami = `fetch('/owa/whoami').then((answer) => answer.json())`;

describePeer('chromium', 'Chromium at a webmail on two servers', () => {
  let servers: WebServer[];
  let usher: Usher;
  let browser: Chromium;
  let page: Page;
  let origin: string;

  beforeAll(async () => {
    const webmail = createWebmail({ 'ann@example.org': password, 'bob@example.org': password });
    servers = [await webmail.start('MBX1'), await webmail.start('MBX2')];
    const certificate = await makeCertificate([host]);
    const [https = 0] = await freePorts(1);
    origin = `https://${host}:${https}`;
    usher = await startUsher(
      mailboxEstate({
        servers: servers.map(({ port }) => ({ http: { port, tls: 'none' } })),
        mailboxes: { DB1: ['ann@example.org'], DB2: ['bob@example.org'] },
        listeners: [{ name: 'HTTPS', protocol: 'http', bind: `127.0.0.1:${https}`, tls: 'implicit' }],
        rest: { certificates: [{ name: 'mail', certFile: certificate.certFile, keyFile: certificate.keyFile }] },
      }),
    );
    browser = await startChromium({ hosts: [host], certificate: certificate.cert });
    page = await browser.openPage();
  });
  afterAll(async () => {
    await browser?.stop();
    await usher?.stop();
    for (const server of servers ?? []) server.die();
  });

  async function signIn(user: string): Promise<void> {
    await page.untilValue(`document.forms.length === 1`);
    await page.value(`
      document.forms[0].username.value = ${JSON.stringify(user)};
      document.forms[0].password.value = ${JSON.stringify(password)};
      document.querySelector('button').click()`);
    await page.untilValue(`document.querySelector('#user') !== null`);
  }

  const textOf = (element: string): Promise<string> => page.value(`document.querySelector('${element}').textContent`);

  test('a login by form leads to the server of the mailbox, over HTTP/2, and stays there', async () => {
    await page.open(`${origin}/owa/`);
    // Nobody is named yet: any server of the site shows the form.
    expect(await page.value('location.pathname')).toBe('/owa/auth/logon.aspx');
    await signIn('bob@example.org');
    expect([await textOf('#user'), await textOf('#server')]).toEqual(['bob@example.org', 'MBX2']);
    const protocols = `performance.getEntriesByType('navigation').map((entry) => entry.nextHopProtocol)`;
    expect(await page.value(protocols)).toEqual(['h2']);
    const answers = await page.value(`Promise.all(Array.from({ length: 20 }, () => ${whoami}))`);
    expect(answers).toEqual(Array.from({ length: 20 }, () => ({ server: 'MBX2', user: 'bob@example.org' })));
    expect(servers[0]?.requests.filter((request) => request.includes('whoami'))).toEqual([]);
  });

  test('its WebSocket speaks with that server, both ways', async () => {
    const said = await page.untilValue<string>(
      `(document.querySelector('#said')?.textContent.match(/\\n/g) ?? []).length === 2 && document.querySelector('#said').textContent`,
    );
    expect(said).toBe('MBX2 to bob@example.org\nHELLO\n');
  });

  test('after an activation the next request of the same session goes to the other server', async () => {
    await usher.cli('database', 'activate', 'DB2', '--to', 'MBX1');
    expect(await page.value(whoami)).toEqual({ server: 'MBX1', user: 'bob@example.org' });
    await page.open(`${origin}/owa/`);
    expect([await textOf('#user'), await textOf('#server')]).toEqual(['bob@example.org', 'MBX1']);
    await usher.cli('database', 'activate', 'DB2', '--to', 'MBX2');
    expect(await page.value(whoami)).toEqual({ server: 'MBX2', user: 'bob@example.org' });
  });

  test('another login in the same browser beats the remembered one', async () => {
    await page.open(`${origin}/owa/auth/logon.aspx`);
    await signIn('ann@example.org');
    expect([await textOf('#user'), await textOf('#server')]).toEqual(['ann@example.org', 'MBX1']);
    expect(await page.value(whoami)).toEqual({ server: 'MBX1', user: 'ann@example.org' });
  });

  test('no script of a page can read where the session is remembered', async () => {
    expect(await page.value('document.cookie')).toBe('');
  });
});
