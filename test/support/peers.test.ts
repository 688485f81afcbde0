import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { findProgram } from './find-program.js';
import { freePort, freePorts } from './free-port.js';
import { makeCertificate } from './peers/certificate.js';
import { startDovecot } from './peers/dovecot.js';
import { requestSeen, startNginx } from './peers/nginx.js';
import { startPostfix } from './peers/postfix.js';
import { processGroup } from './peers/process-group.js';
import { startSmtpSink } from './peers/smtp-sink.js';
import { headerValues } from './peers/stored-message.js';
import { describePeer, itWithPeers, peer } from './require-peer.js';
import { run } from './run.js';
import { removeTempDir, tempDir } from './temp-dir.js';
import { until } from './until.js';

interface Peer {
  readonly pid: number;
  stop(): Promise<void>;
}

// Starts two of a kind at the same time, stops both whatever happens, and finds no process of theirs afterwards.
async function withTwo<P extends Peer>(
  start: (name: string) => Promise<P>,
  body: (first: P, second: P) => Promise<void>,
): Promise<void> {
  const [first, second] = await Promise.all([start('alpha.example.org'), start('beta.example.org')]);
  const running = (): number[] => [first, second].flatMap(({ pid }) => processGroup(pid));
  try {
    expect(running()).toEqual(expect.arrayContaining([first.pid, second.pid]));
    await body(first, second);
  } finally {
    await Promise.all([first.stop(), second.stop()]);
  }
  expect(running()).toEqual([]);
}

async function curl(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run('curl', ['--silent', '--show-error', '--max-time', '10', ...args]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return stdout;
}

const ann = { user: 'ann@example.org', password: 'correct: horse' };
const bob = { user: 'bob@example.com', password: 'battery staple' };

describePeer(['dovecot', 'curl'], 'two Dovecots', () => {
  it('are told apart over IMAP and POP, know their users and log who logged in', async () => {
    await withTwo(
      (name) => startDovecot({ name, users: [ann, bob] }),
      async (first, second) => {
        for (const server of [first, second]) {
          const login = ['--user', `${ann.user}:${ann.password}`];
          const [imap, pop] = [`imap://127.0.0.1:${server.imapPort}`, `pop3://127.0.0.1:${server.popPort}`];
          expect(await curl(...login, `${imap}/INBOX;MAILINDEX=1`)).toContain(`This mailbox is on ${server.name}.`);
          expect(await curl('--user', `${bob.user}:${bob.password}`, `${pop}/1`)).toContain(`Subject: ${server.name}`);
          expect((await run('curl', ['-v', ...login, `${imap}/`])).stderr).toContain(`${server.name} ready.`);
          expect((await run('curl', ['-s', '--user', `${ann.user}:wrong`, `${imap}/`])).code).toBe(67);
        }
        expect(first.mailOf(ann.user).map((message) => headerValues(message, 'subject'))).toEqual([[first.name]]);
        const logins = await until('three logins', () => second.logins().length >= 3 && second.logins());
        expect(
          logins.map(({ protocol, user, remoteAddress, tls }) => ({ protocol, user, remoteAddress, tls })),
        ).toEqual([
          { protocol: 'imap', user: ann.user, remoteAddress: '127.0.0.1', tls: false },
          { protocol: 'pop3', user: bob.user, remoteAddress: '127.0.0.1', tls: false },
          { protocol: 'imap', user: ann.user, remoteAddress: '127.0.0.1', tls: false },
        ]);
        expect(Math.abs(Date.now() - (logins[0]?.at.getTime() ?? 0))).toBeLessThan(60_000);
      },
    );
  });

  it('offer TLS after and before the greeting', async () => {
    await withTwo(
      (name) => startDovecot({ name, users: [ann], tls: 'available' }),
      async (first, second) => {
        for (const server of [first, second]) {
          const flags = ['--user', `${ann.user}:${ann.password}`, '--cacert', server.caFile ?? '', '--ssl-reqd'];
          const urls = [
            `imap://127.0.0.1:${server.imapPort}/INBOX;MAILINDEX=1`,
            `imaps://127.0.0.1:${server.imapsPort}/INBOX;MAILINDEX=1`,
            `pop3://127.0.0.1:${server.popPort}/1`,
            `pop3s://127.0.0.1:${server.popsPort}/1`,
          ];
          for (const url of urls) expect(await curl(...flags, url)).toContain(`This mailbox is on ${server.name}.`);
          await until('four logins over TLS', () => server.logins().filter(({ tls }) => tls).length === 4);
        }
      },
    );
  });
});

describePeer('dovecot', 'a Dovecot that cannot start', () => {
  it('says why', async () => {
    await expect(startDovecot({ name: 'broken }\nnonsense', users: [] })).rejects.toThrow(
      /Error in configuration file/,
    );
  });
});

describePeer(['postfix', 'swaks', 'curl'], 'two Postfixes', () => {
  it('deliver what swaks sends, each its own', async () => {
    await withTwo(
      (name) => startPostfix({ name, domains: ['example.org'] }),
      async (first, second) => {
        for (const server of [first, second]) {
          const sent = await swaks(
            server.port,
            '--to',
            'ann@example.org,bob@example.org',
            '--body',
            `for ${server.name}`,
          );
          expect(sent.stdout).toContain(`220 ${server.name} ESMTP`);
          expect(sent.code).toBe(0);
        }
        for (const server of [first, second]) {
          const messages = await until('two copies', () => server.messages().length === 2 && server.messages());
          expect(messages.map(({ recipient }) => recipient).sort()).toEqual(['ann@example.org', 'bob@example.org']);
          expect(messages.map(({ sender }) => sender)).toEqual(['eve@example.com', 'eve@example.com']);
          expect(messages.map(({ body }) => body.trim())).toEqual([`for ${server.name}`, `for ${server.name}`]);
          expect(headerValues(messages[0] ?? { header: '' }, 'received')[0]).toContain(`by ${server.name} (Postfix)`);
        }
      },
    );
  });

  it('refuse strangers, take TLS and believe XCLIENT', async () => {
    await withTwo(
      (name) => startPostfix({ name, domains: ['example.org'], recipients: ['ann@example.org'], tls: 'available' }),
      async (first, second) => {
        const unknown = await swaks(first.port, '--to', 'bob@example.org');
        expect(unknown.stdout).toContain('550 5.1.1');
        const elsewhere = await swaks(first.port, '--to', 'ann@example.net');
        expect(elsewhere.stdout).toContain('554 5.7.1');
        const envelope = ['--mail-from', ann.user, '--mail-rcpt', ann.user, '--upload-file', '-'];
        const secured = await run(
          'curl',
          ['-sS', '--ssl-reqd', '--cacert', second.caFile ?? '', ...envelope, `smtp://127.0.0.1:${second.port}`],
          { input: 'Subject: secured\r\n\r\nhello\r\n' },
        );
        expect(secured).toEqual({ code: 0, stdout: '', stderr: '' });
        const xclient = ['--xclient', 'ADDR=192.0.2.7 NAME=[UNAVAILABLE]'];
        expect((await swaks(second.port, '--to', ann.user, ...xclient)).code).toBe(0);
        const messages = await until('two copies', () => second.messages().length === 2 && second.messages());
        const received = messages.map((message) => headerValues(message, 'received')[0] ?? '');
        expect(received.filter((value) => value.includes('using TLSv1.3'))).toHaveLength(1);
        expect(received.filter((value) => value.includes('[192.0.2.7]'))).toHaveLength(1);
        expect(first.messages()).toEqual([]);
      },
    );
  });
});

function swaks(port: number, ...args: string[]): ReturnType<typeof run> {
  return run('swaks', [
    '--server',
    '127.0.0.1',
    '--port',
    `${port}`,
    '--from',
    'eve@example.com',
    '--helo',
    'client',
    ...args,
  ]);
}

describePeer(['smtp-sink', 'smtp-source', 'swaks'], 'two smtp-sinks', () => {
  it('count and keep what smtp-source and swaks send', async () => {
    await withTwo(
      (name) => startSmtpSink({ name }),
      async (first, second) => {
        const flags = ['-m', '20', '-s', '4', '-r', '2', '-f', 'eve@example.com', '-t', 'ann@example.org'];
        expect(await run('smtp-source', [...flags, `127.0.0.1:${first.port}`])).toMatchObject({ code: 0 });
        const body = 'one\n.two\n\nthree\n\n';
        expect((await swaks(second.port, '--to', 'ann@example.org,bob@example.org', '--body', body)).code).toBe(0);
        expect(first.messages()).toHaveLength(20);
        expect(first.messages()[0]?.recipients.toSorted()).toEqual(['2ann@example.org', 'ann@example.org']);
        const [message, ...more] = second.messages();
        expect(more).toEqual([]);
        expect(message).toMatchObject({
          mailFrom: 'eve@example.com',
          mailParameters: '',
          recipients: ['ann@example.org', 'bob@example.org'],
          helo: 'client',
          protocol: 'ESMTP',
        });
        expect(message?.body.trimEnd()).toBe('one\n.two\n\nthree');
        expect(message?.header.startsWith('Received: from client')).toBe(true);
      },
    );
  });

  it('answer as their flags say', async () => {
    await withTwo(
      (name) => startSmtpSink({ name, flags: name.startsWith('alpha') ? ['-r', 'RCPT'] : ['-f', 'DATA'] }),
      async (first, second) => {
        expect((await swaks(first.port, '--to', 'ann@example.org')).stdout).toMatch(/^<\*\* 4\d\d /m);
        expect((await swaks(second.port, '--to', 'ann@example.org')).stdout).toMatch(/^<\*\* 5\d\d /m);
        expect([...first.messages(), ...second.messages()]).toEqual([]);
      },
    );
  });
});

describePeer(['nginx', 'curl'], 'two nginxes', () => {
  it('answer with their name and what they were sent', async () => {
    await withTwo(
      (name) => startNginx({ name, tls: 'available' }),
      async (first, second) => {
        for (const server of [first, second]) {
          const flags = ['--user', `${ann.user}:${ann.password}`, '--header', 'Cookie: a="b"', '--data', 'body'];
          const [plain, secure] = [`http://127.0.0.1:${server.port}`, `https://127.0.0.1:${server.httpsPort}`];
          const seen = requestSeen(await curl(...flags, `${plain}/owa/?q=1%202`));
          expect(seen).toMatchObject({
            server: server.name,
            method: 'POST',
            target: '/owa/?q=1%202',
            protocol: 'HTTP/1.1',
          });
          expect(seen.fields).toMatchObject({
            cookie: 'a="b"',
            'content-length': '4',
            host: `127.0.0.1:${server.port}`,
          });
          const credentials = Buffer.from(`${ann.user}:${ann.password}`).toString('base64');
          expect(seen.fields['authorization']).toBe(`Basic ${credentials}`);
          const answer = await curl('--include', '--cacert', server.caFile ?? '', `${secure}/`);
          expect(answer).toContain(`X-Served-By: ${server.name}`);
          await curl(`${plain}/1`, `${plain}/2`);
          const logged = await until('four log lines', () => server.requests().length === 4 && server.requests());
          expect(logged.map(({ target, status }) => [target, status])).toEqual([
            ['/owa/?q=1%202', 200],
            ['/', 200],
            ['/1', 200],
            ['/2', 200],
          ]);
          expect(logged[0]?.fields['cookie']).toBe('a="b"');
          expect(logged[3]?.connection).toBe(logged[2]?.connection);
          expect(logged[3]?.connectionRequest).toBe(2);
        }
      },
    );
  });

  it('stand one behind the other', async () => {
    const origin = await startNginx({ name: 'origin' });
    try {
      const proxy = await startNginx({ name: 'proxy', proxyTo: origin.port });
      try {
        expect(requestSeen(await curl(`http://127.0.0.1:${proxy.port}/mapi/`))).toMatchObject({
          server: 'origin',
          target: '/mapi/',
        });
        await curl(`http://127.0.0.1:${proxy.port}/mapi/`);
        const logged = await until('two log lines', () => origin.requests().length === 2 && origin.requests());
        expect(logged[1]?.connection).toBe(logged[0]?.connection);
      } finally {
        await proxy.stop();
      }
    } finally {
      await origin.stop();
    }
  });
});

describe('test support', () => {
  it('gives different ports that can be bound', async () => {
    const ports = [await freePort(), ...(await freePorts(10))];
    expect(new Set(ports).size).toBe(11);
    for (const port of ports) {
      const server = createServer();
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, '127.0.0.1', resolve);
      });
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('makes and removes directories', () => {
    const path = tempDir('support');
    expect(readdirSync(path)).toEqual([]);
    removeTempDir(path);
    expect(existsSync(path)).toBe(false);
    expect(() => removeTempDir('/tmp')).toThrow('was not made by tempDir');
  });

  it('runs programs to their end or to their deadline', async () => {
    expect(await run('cat', [], { input: 'a\0b' })).toEqual({ code: 0, stdout: 'a\0b', stderr: '' });
    expect(await run('sh', ['-c', 'echo $X >&2; exit 3'], { env: { X: 'y' } })).toEqual({
      code: 3,
      stdout: '',
      stderr: 'y\n',
    });
    await expect(run('sleep', ['30'], { timeoutMs: 50 })).rejects.toThrow('still runs after 50 ms');
    await expect(run('no-such-program', [])).rejects.toThrow('no-such-program is not installed');
    await expect(run('/no/such/program', [])).rejects.toThrow('ENOENT');
  });

  it('makes certificates that an authority of its own signed', async () => {
    const made = await makeCertificate(['mail.example.org', '127.0.0.1'], {
      notAfter: new Date('2040-01-01T00:00:00Z'),
    });
    const [leaf, authority] = [new X509Certificate(made.cert), new X509Certificate(made.ca)];
    expect(leaf.verify(authority.publicKey)).toBe(true);
    expect(leaf.checkHost('mail.example.org')).toBe('mail.example.org');
    expect(leaf.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(new Date(leaf.validTo).toISOString()).toBe('2040-01-01T00:00:00.000Z');
    expect(readFileSync(made.keyFile, 'utf8')).toBe(made.key);
  });

  it('says which package brings a missing peer', () => {
    const path = process.env['PATH'];
    process.env['PATH'] = '/nonexistent';
    try {
      expect(findProgram('curl')).toBeUndefined();
      expect(peer('curl')).toEqual({ available: false, reason: 'curl is not installed (apt-get install curl)' });
    } finally {
      process.env['PATH'] = path;
    }
    expect(findProgram('sh')).toMatch(/^\//);
  });

  itWithPeers('openssl', 'runs a test where its peer is there', async () => {
    // oxlint-disable-next-line vitest/no-standalone-expect -- itWithPeers is it
    expect((await run('openssl', ['version'])).stdout).toMatch(/^OpenSSL /);
  });
});
