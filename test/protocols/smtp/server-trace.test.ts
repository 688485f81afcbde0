import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LoginCredentials } from '../../../src/protocols/sasl/login-credentials.js';
import { SmtpServerDialogue, type SmtpServerDialogueOptions } from '../../../src/protocols/smtp/server-dialogue.js';
import { to } from '../../session/smtp/server-request.js';

const ann = { kind: 'password', user: 'ann', password: 'Right-Horse', authorizationId: '' } as const;
const envelope = { from: 'eve@fabrikam.com', to: to('ann', 'bob'), body8bit: false, smtputf8: false } as const;
const base64 = (text: string): string => Buffer.from(text).toString('base64');

function traced(change: Partial<SmtpServerDialogueOptions> = {}) {
  const said: string[] = [];
  const base = { heloName: 'front.example', tls: 'none', credentials: null, auth: null, xclient: null } as const;
  const trace = (direction: '>' | '<', text: string): void => void said.push(`${direction} ${text}`);
  const dialogue = new SmtpServerDialogue({ ...base, trace, ...change });
  const hear = (text: string) => dialogue.receive(Buffer.from(text));
  return { dialogue, hear, said };
}

describe('the trace of a dialogue with a server', () => {
  test('has every command and every line of a reply, in order, and none of the message', () => {
    const { dialogue, hear, said } = traced({ tls: 'starttls' });
    hear('220 hi\r\n');
    hear('250-mx.example hello\r\n250-STARTTLS\r\n250 PIPELINING\r\n');
    hear('220 2.0.0 go\r\n');
    dialogue.tlsStarted();
    hear('250-mx.example\r\n250 PIPELINING\r\n');
    dialogue.startTransaction({ ...envelope, ret: null, envid: null });
    hear('250 2.1.0 ok\r\n550 5.1.1 no\r\n250\r\n');
    dialogue.startData();
    hear('354 go\r\n');
    dialogue.bodySent();
    hear('250-2.6.0 thanks\r\n250 2.6.0 queued\r\n');
    dialogue.quit();
    hear('221 bye\r\n');
    expect(said).toEqual([
      ...['< 220 hi', '> EHLO front.example'],
      ...['< 250-mx.example hello', '< 250-STARTTLS', '< 250 PIPELINING', '> STARTTLS', '< 220 2.0.0 go'],
      ...['> EHLO front.example', '< 250-mx.example', '< 250 PIPELINING'],
      ...['> MAIL FROM:<eve@fabrikam.com>', '> RCPT TO:<ann@contoso.com>', '> RCPT TO:<bob@contoso.com>'],
      ...['< 250 2.1.0 ok', '< 550 5.1.1 no', '< 250'],
      ...['> DATA', '< 354 go', '< 250-2.6.0 thanks', '< 250 2.6.0 queued', '> QUIT', '< 221 bye'],
    ]);
  });

  test('has of a login the mechanism, and of the server the codes', () => {
    const plain = traced({ credentials: ann });
    plain.hear('220 hi\r\n');
    plain.hear('250-mx\r\n250 AUTH PLAIN\r\n');
    plain.hear('535 5.7.8 no such user as ann\r\n');
    expect(plain.said.slice(-2)).toEqual(['> AUTH PLAIN *', '< 535 5.7.8']);
    const login = traced({ credentials: ann, auth: 'login' });
    login.hear('220 hi\r\n');
    login.hear('250-mx\r\n250 AUTH LOGIN\r\n');
    for (const line of ['334 VXNlcm5hbWU6', '334 UGFzc3dvcmQ6', '235 welcome']) login.hear(`${line}\r\n`);
    expect(login.said.slice(-6)).toEqual(['> AUTH LOGIN', '< 334', '> *', '< 334', '> *', '< 235']);
  });

  test('keeps our credentials out of what later replies are passed on as', () => {
    const { dialogue, hear } = traced({ credentials: ann });
    hear('220 hi\r\n');
    hear('250-mx\r\n250 AUTH PLAIN\r\n');
    hear('235 welcome\r\n');
    dialogue.startTransaction({ ...envelope, ret: null, envid: null });
    const { step } = hear(`550 5.7.1 Right-Horse or ${base64('\0ann\0Right-Horse')} may not\r\n`);
    expect(JSON.stringify(step)).toContain('550 5.7.1 (words that repeat the password)');
    expect(JSON.stringify(step)).not.toMatch(/Right-Horse|AGFubgBSaWdodC1Ib3JzZQ/);
  });

  test('has a reply that nobody asked for', () => {
    const { dialogue, hear, said } = traced();
    hear('220 hi\r\n');
    hear('250 mx\r\n421 4.3.2 going down\r\n');
    dialogue.startTransaction({ ...envelope, ret: null, envid: null });
    expect(said.at(-1)).toBe('< 421 4.3.2 going down');
  });
});

const letters = fc.stringMatching(/^[ -~]{4,30}[G-Zg-z]{5}[ -~]{4,30}$/).filter((text) => !/[\r\n]/.test(text));
const token = (mechanism: 'XOAUTH2' | 'OAUTHBEARER') =>
  letters.map((secret): [LoginCredentials, string[]] => {
    const message = `user=ann\u0001auth=Bearer ${secret}\u0001\u0001`;
    return [{ kind: 'token', mechanism, user: 'ann', message }, [secret, message, base64(message)]];
  });
const credentials = fc.oneof(
  letters.map((password): [LoginCredentials, string[]] => [
    { ...ann, password },
    [password, base64(password), base64(`\0ann\0${password}`)],
  ]),
  token('XOAUTH2'),
  token('OAUTHBEARER'),
);

const moments = ['greeting', 'hello', 'challenge', 'login', 'unasked', 'mail', 'rcpt', 'end'] as const;

test('no call holds a credential, whatever a server repeats and when', () => {
  const moment = fc.constantFrom(...moments);
  const offers = fc.constantFrom('PLAIN', 'LOGIN', 'PLAIN LOGIN XOAUTH2 OAUTHBEARER');
  fc.assert(
    fc.property(credentials, offers, fc.array(moment), fc.boolean(), (given, offer, echoes, isGood) => {
      const [login, secrets] = given;
      const { dialogue, hear, said } = traced({ credentials: login });
      const words = (at: (typeof moments)[number]): string => (echoes.includes(at) ? secrets.join(' ') : 'nothing');
      hear(`220 ${words('greeting')}\r\n`);
      let step = hear(`250-mx ${words('hello')}\r\n250-AUTH ${offer}\r\n250 X\r\n`);
      for (let asked = 0; asked < 2 && said.at(-1)?.startsWith('> ') === true; asked += 1) {
        step = hear(`334 ${words('challenge')}\r\n`);
      }
      const unasked = echoes.includes('unasked') ? `250 ${secrets.join('')}\r\n` : '';
      if (step.step.kind === 'wait') step = hear(`${isGood ? 235 : 535} 5.7.8 ${words('login')}\r\n${unasked}`);
      if (step.step.kind === 'ready') {
        dialogue.startTransaction({ ...envelope, ret: null, envid: null });
        hear(`250 ${words('mail')}\r\n`);
        hear(`550-5.1.1 ${words('rcpt')}\r\n550 ${words('end')}\r\n`);
      }
      expect(said.length).toBeGreaterThan(2);
      for (const text of said) for (const secret of secrets) expect(text).not.toContain(secret);
    }),
    { numRuns: 1000 },
  );
});
