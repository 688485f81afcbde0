import type { Answer, Script } from './scripted-server.js';

export interface MailboxScriptOptions {
  readonly tls?: 'none' | 'starttls' | 'implicit';
  readonly certificate?: { readonly key: string; readonly cert: string };
  /** The answer to the login, for IMAP without its tag. */
  readonly login?: (connection: number) => Answer;
  /** IMAP: what it can do beside the usual; POP: its SASL mechanisms. */
  readonly offers?: string;
  readonly proxyHeader?: boolean;
  readonly admit?: (connection: number) => boolean;
  /** Lines before the login that are no commands of the protocol. */
  readonly ignore?: RegExp;
}

const doorOf = ({ tls, certificate, admit, proxyHeader = false }: MailboxScriptOptions) => ({
  proxyHeader,
  implicitTls: tls === 'implicit',
  ...(certificate && { certificate }),
  ...(admit && { admit }),
});

/** An IMAP server that takes every login unless told otherwise; it says whether TLS was on when it accepted. */
export function imapScript(options: MailboxScriptOptions = {}): Script {
  let link = options.tls === 'implicit' ? 'tls' : 'clear';
  const capabilities = (): string =>
    `CAPABILITY IMAP4rev1 SASL-IR ID AUTH=PLAIN${options.offers ? ` ${options.offers}` : ''}${options.tls === 'starttls' && link === 'clear' ? ' STARTTLS' : ''}`;
  return {
    ...doorOf(options),
    greeting: '* OK stub ready\r\n',
    answer(line, connection) {
      if (options.ignore?.test(line)) return undefined;
      const [tag = '', command = ''] = line.split(' ');
      switch (command.toUpperCase()) {
        case 'CAPABILITY':
          return `* ${capabilities()}\r\n${tag} OK done\r\n`;
        case 'STARTTLS':
          link = 'tls';
          return { say: `${tag} OK go\r\n`, next: 'start-tls' };
        case 'AUTHENTICATE':
        case 'LOGIN': {
          const answer = options.login?.(connection) ?? `OK [${capabilities()}] welcome over ${link}\r\n`;
          return typeof answer === 'string'
            ? `${tag} ${answer}`
            : { ...answer, say: answer.say && `${tag} ${answer.say}` };
        }
        case 'LOGOUT':
          return { say: `* BYE\r\n${tag} OK bye\r\n`, next: 'close' };
        default:
          return `${tag} OK ${command} done\r\n`;
      }
    },
  };
}

/** A POP server of the same kind. */
export function popScript(options: MailboxScriptOptions = {}): Script {
  let link = options.tls === 'implicit' ? 'tls' : 'clear';
  return {
    ...doorOf(options),
    greeting: '+OK stub ready\r\n',
    answer(line, connection) {
      if (options.ignore?.test(line)) return undefined;
      switch (line.split(' ')[0]?.toUpperCase()) {
        case 'CAPA':
          return `+OK\r\nUSER\r\nSASL ${options.offers ?? 'PLAIN'}\r\nXCLIENT\r\n${options.tls === 'starttls' && link === 'clear' ? 'STLS\r\n' : ''}.\r\n`;
        case 'STLS':
          link = 'tls';
          return { say: '+OK go\r\n', next: 'start-tls' };
        case 'AUTH':
        case 'PASS':
          return options.login?.(connection) ?? `+OK welcome over ${link}\r\n`;
        case 'QUIT':
          return { say: '+OK bye\r\n', next: 'close' };
        default:
          return '+OK done\r\n';
      }
    },
  };
}
