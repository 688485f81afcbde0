import { ImapFlow } from 'imapflow';
import { createTransport } from 'nodemailer';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testMailRouting } from '../../src/admin/test-mail-routing.js';
import { storedEstate, testClientRouting } from '../../src/admin/test-routing.js';
import { openStore, type Store } from '../../src/store/store.js';
import { freePorts } from '../support/free-port.js';
import { type Dovecot, startDovecot } from '../support/peers/dovecot.js';
import { type Nginx, requestSeen, startNginx } from '../support/peers/nginx.js';
import { type SmtpSink, startSmtpSink } from '../support/peers/smtp-sink.js';
import { describePeer } from '../support/require-peer.js';
import { startUsher, type Usher } from '../support/usher.js';

const user = 'ann@example.org';
const password = 'secret';

/** Where a conversation landed, and when it began and ended. */
interface Landing {
  readonly protocol: string;
  readonly server: string;
  readonly beganAt: number;
  readonly endedAt: number;
}

/** Where conversations may land from a moment on: one place between commands, the old and the new one during a command. */
interface Phase {
  readonly at: number;
  readonly servers: readonly string[];
}

/** The places that were right at some moment of a conversation. */
function rightPlaces(phases: readonly Phase[], { beganAt, endedAt }: Landing): string[] {
  return phases
    .filter((phase, index) => phase.at <= endedAt && (phases[index + 1]?.at ?? Number.POSITIVE_INFINITY) >= beganAt)
    .flatMap((phase) => phase.servers);
}

describePeer(
  ['dovecot', 'nginx', 'smtp-sink'],
  'activations and moves while logins, messages and requests go on',
  () => {
    let dovecots: Dovecot[];
    let nginxes: Nginx[];
    let sinks: SmtpSink[];
    let usher: Usher;
    let store: Store;
    let ports: { imap: number; smtp: number; http: number };
    const names = ['MBX1', 'MBX2'];

    beforeAll(async () => {
      dovecots = await Promise.all(names.map((name) => startDovecot({ name, users: [{ user, password }] })));
      nginxes = await Promise.all(names.map((name) => startNginx({ name })));
      sinks = await Promise.all(names.map((name) => startSmtpSink({ name })));
      const [imap = 0, smtp = 0, http = 0] = await freePorts(3);
      ports = { imap, smtp, http };
      usher = await startUsher({
        estate: 1,
        sites: [{ name: 'A' }],
        dags: [{ name: 'DAG1' }],
        servers: [
          { name: 'CAS1', host: 'localhost', site: 'A', roles: ['frontend'] },
          ...names.map((name, index) => ({
            name,
            host: '127.0.0.1',
            site: 'A',
            dag: 'DAG1',
            accepts: 'own',
            endpoints: {
              imap: { port: dovecots[index]?.imapPort, tls: 'none' },
              http: { port: nginxes[index]?.port, tls: 'none' },
              smtp: { port: sinks[index]?.port, tls: 'none' },
            },
          })),
        ],
        databases: [
          { name: 'DB1', copies: ['MBX1', 'MBX2'] },
          { name: 'DB2', copies: ['MBX2', 'MBX1'] },
        ],
        mailboxes: [{ address: user, database: 'DB1' }],
        domains: [{ name: 'example.org', type: 'authoritative' }],
        receiveConnectors: [{ name: 'Default Frontend', bindings: [`127.0.0.1:${smtp}`] }],
        listeners: [
          { name: 'IMAP', protocol: 'imap', bind: `127.0.0.1:${imap}`, plaintextLogin: true },
          { name: 'HTTP', protocol: 'http', bind: `127.0.0.1:${http}` },
        ],
      });
      store = openStore(usher.store, { purpose: 'read' });
    });
    afterAll(async () => {
      store?.close();
      await usher?.stop();
      await Promise.all([...(dovecots ?? []), ...(nginxes ?? []), ...(sinks ?? [])].map((server) => server.stop()));
    });

    const place = { on: undefined, down: [] };
    const routed: Record<string, () => string | undefined> = {
      imap: () => clientTarget('imap'),
      http: () => clientTarget('owa'),
      smtp: () =>
        testMailRouting(storedEstate(store, undefined), {
          ...place,
          to: [user],
          from: undefined,
          user: undefined,
          size: undefined,
          clientIp: undefined,
          localIp: undefined,
          port: ports.smtp,
        }).targets[0]?.server,
    };
    const clientTarget = (protocol: string): string | undefined =>
      testClientRouting(storedEstate(store, undefined), { ...place, protocol, user, url: undefined, headers: [] })
        .targets[0]?.server;

    const converse: Record<string, () => Promise<string>> = {
      async imap() {
        const client = new ImapFlow({
          host: '127.0.0.1',
          port: ports.imap,
          secure: false,
          auth: { user, pass: password },
          tls: { rejectUnauthorized: false },
          logger: false,
        });
        await client.connect();
        try {
          await client.mailboxOpen('INBOX');
          const message = await client.fetchOne('1', { envelope: true });
          const subject = message === false ? '' : (message.envelope?.subject ?? '');
          return names.find((name) => subject.includes(name)) ?? subject;
        } finally {
          await client.logout();
        }
      },
      async http() {
        const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
        const answer = await fetch(`http://127.0.0.1:${ports.http}/owa/`, { headers: { authorization } });
        if (answer.status !== 200) throw new Error(`status ${answer.status}`);
        return requestSeen(await answer.text()).server;
      },
      async smtp() {
        const transport = createTransport({ host: '127.0.0.1', port: ports.smtp, secure: false, ignoreTLS: true });
        const counts = sinks.map((sink) => sink.messages().length);
        const { response } = await transport.sendMail({
          from: 'kim@fabrikam.com',
          to: user,
          subject: 'x',
          text: 'hello',
        });
        if (!response.startsWith('250')) throw new Error(response);
        const landed = sinks.findIndex((sink, index) => sink.messages().length > (counts[index] ?? 0));
        return names[landed] ?? 'nowhere';
      },
    };

    async function loop(protocol: string, landings: Landing[], going: () => boolean): Promise<void> {
      while (going()) {
        const beganAt = performance.now();
        const server = (await converse[protocol]?.()) ?? '';
        landings.push({ protocol, server, beganAt, endedAt: performance.now() });
      }
    }

    test('every one lands where routing says, none fails', { timeout: 60_000 }, async () => {
      const landings: Landing[] = [];
      const phases: Phase[] = [];
      let now = 'MBX1';
      const enter = (...servers: string[]): void => void phases.push({ at: performance.now(), servers });
      let going = true;
      enter(now);
      const loops = Promise.all(Object.keys(converse).map((protocol) => loop(protocol, landings, () => going)));
      loops.catch(() => (going = false));
      const steps = [
        { words: ['database', 'activate', 'DB1', '--to', 'MBX2'], then: 'MBX2' },
        { words: ['database', 'activate', 'DB1', '--to', 'MBX1'], then: 'MBX1' },
        { words: ['mailbox', 'move', user, '--to', 'DB2'], then: 'MBX2' },
        { words: ['mailbox', 'move', user, '--to', 'DB1'], then: 'MBX1' },
      ];
      for (const { words, then } of [...steps, ...steps]) {
        if (!going) break;
        enter(now, then);
        await usher.cli(...words);
        enter((now = then));
        // In force when the command returns: what begins now lands on the new server.
        expect(Object.keys(converse).map((protocol) => routed[protocol]?.())).toEqual([then, then, then]);
        expect(await converse['http']?.()).toBe(then);
      }
      going = false;
      await loops;
      for (const landing of landings) {
        expect(rightPlaces(phases, landing), landing.protocol).toContain(landing.server);
      }
      const seen = (protocol: string) => landings.filter((landing) => landing.protocol === protocol).length;
      expect(Math.min(...Object.keys(converse).map(seen))).toBeGreaterThan(10);
      const status = JSON.parse(await usher.cli('status', '--json')) as { revision: number; refused: unknown };
      expect(status).toMatchObject({ revision: store.revision(), refused: null });
    });
  },
);
