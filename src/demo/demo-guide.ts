import {
  type DoorName,
  demoDatabases,
  demoDomain,
  demoDoors,
  demoFrontEnd,
  demoGroup,
  demoHost,
  demoMailboxes,
  demoPassword,
  demoServers,
} from './demo-estate.js';
import { shellWord } from './shell-word.js';
import type { Demo } from './start-demo.js';

/** How texts are set off from others; the plain text itself where there is no terminal. */
export type Paint = (style: 'bold' | 'dim' | 'green' | 'red', text: string) => string;

export interface GuideDoor {
  readonly name: DoorName;
  /** As mail programs are told: `127.0.0.1:10143`. */
  readonly address: string;
  /** The port it would have had, when that one was taken. */
  readonly taken: number | null;
}

/** A thing to try, as a command to copy into another terminal. */
export interface GuideTrial {
  readonly what: string;
  readonly command: string;
}

/** What a person or a program must know to try the demo. */
export interface DemoGuide {
  readonly frontEnd: string;
  readonly store: string;
  readonly controlSocket: string;
  readonly doors: readonly GuideDoor[];
  readonly servers: readonly { readonly name: string; readonly site: string; readonly dag: string | null }[];
  readonly databases: readonly { readonly name: string; readonly copies: readonly string[]; readonly active: string }[];
  readonly accounts: readonly { readonly address: string; readonly password: string; readonly database: string }[];
  readonly group: { readonly address: string; readonly members: readonly string[] };
  readonly trials: readonly GuideTrial[];
}

/** @param program how usher is called on this machine: `usher`, or the way to its script */
export function demoGuide(demo: Demo, portBase: number, program: string): DemoGuide {
  return {
    frontEnd: demoFrontEnd,
    store: demo.storePath,
    controlSocket: demo.controlSocket,
    doors: (Object.keys(demoDoors) as DoorName[]).map((name) => {
      const wanted = portBase + demoDoors[name];
      const port = demo.doors[name];
      return { name, address: `${demoHost}:${port}`, taken: port === wanted ? null : wanted };
    }),
    servers: demoServers.map(({ name, site, dag }) => ({ name, site, dag })),
    databases: demoDatabases.map(({ name, copies }) => ({ name, copies, active: copies[0] })),
    accounts: demoMailboxes.map((mailbox) => ({ ...mailbox, password: demoPassword })),
    group: demoGroup,
    trials: trialsOf(demo, program),
  };
}

function trialsOf(demo: Demo, program: string): GuideTrial[] {
  const socket = demo.socketPlace === 'usual' ? '' : ` --socket ${shellWord(demo.controlSocket)}`;
  const usher = (words: string): string => `${program} ${words} --store ${shellWord(demo.storePath)}`;
  const { smtp, imap, http } = demo.doors;
  const ann = `ann@${demoDomain}`;
  const mail = ['From: kim@elsewhere.test', `To: ${ann}`, 'Subject: Hello', '', 'Hello Ann.', ''].join('\\r\\n');
  const login = `-u ${ann}:${demoPassword}`;
  const envelope = `--mail-from kim@elsewhere.test --mail-rcpt ${ann}`;
  return [
    {
      what: 'send ann a message',
      command: `printf '${mail}' | curl -sS smtp://${demoHost}:${smtp}/elsewhere.test ${envelope} -T -`,
    },
    {
      what: 'read it (the newest one); its first Received line says which server took it in',
      command: `curl -sS ${login} 'imap://${demoHost}:${imap}/INBOX;MAILINDEX=*'`,
    },
    {
      what: "open ann's mailbox on the web; the answer says which server it is from (a browser will do too)",
      command: `curl -sS ${login} -H 'Accept: application/json' http://${demoHost}:${http}/owa/`,
    },
    {
      what: 'fail her database over, then do the first three again: the other server answers, with the same mail',
      command: `${usher('database activate DB1 --to MBX2')}${socket}`,
    },
    {
      what: 'ask where she would be led, and why, without going there',
      command: usher(`test routing client --protocol imap --user ${ann}`),
    },
  ];
}

/** One screen: doors, accounts, store, and five commands to copy. */
export function guideText(guide: DemoGuide, paint: Paint): string {
  const lines = [
    paint('bold', 'usher demo: a mail estate in two sites, Berlin and Paris, with one front door'),
    '',
    `doors of ${guide.frontEnd} in Berlin`,
    ...guide.doors.map(({ name, address, taken }) => {
      const note = taken === null ? '' : `   (port ${taken} is in use)`;
      return `  ${name.toUpperCase().padEnd(6)} ${paint('bold', address)}${note}`;
    }),
    '',
    'mailbox servers behind it, in this process',
    ...guide.servers.map(({ name, site, dag }) => `  ${name}   ${site.padEnd(6)}  ${dag ?? 'alone'}`),
    '',
    `accounts, all with the password ${paint('bold', demoPassword)}`,
    ...guide.databases.map(({ name, copies, active }) => {
      const people = guide.accounts.filter(({ database }) => database === name).map(({ address }) => address);
      const others = copies.filter((copy) => copy !== active);
      const copy = others.length === 0 ? '' : `, copy on ${others.join(', ')}`;
      return `  ${people.join(', ')}   ${paint('dim', `${name}, active on ${active}${copy}`)}`;
    }),
    `  ${guide.group.address}   ${paint('dim', `group of ${guide.group.members.join(', ')}`)}`,
    '',
    `store  ${guide.store}`,
    '',
    'five things to try in another terminal',
    ...guide.trials.flatMap(({ what, command }, index) => [`${index + 1} ${what}`, `  ${paint('bold', command)}`]),
    '',
    paint('dim', 'Ctrl-C ends it and leaves nothing behind'),
  ];
  return `${lines.join('\n')}\n`;
}
