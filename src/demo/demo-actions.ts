import { awaitRuntimes } from '../admin/await-runtimes.js';
import { activateDatabase } from '../admin/database.js';
import { lendStore } from '../admin/lend-store.js';
import { requireStatus } from '../admin/runtime-control.js';
import { storedEstate } from '../admin/test-routing.js';
import { UsherError } from '../errors.js';
import { actorName } from '../settings.js';
import { openPage } from './demo-clients/http-client.js';
import { readMailbox } from './demo-clients/imap-client.js';
import { sendMail } from './demo-clients/smtp-client.js';
import { demoHost, demoPassword } from './demo-estate.js';
import { predictServers, webPath } from './predict-servers.js';
import { scriptDatabase, scriptUser } from './script-cast.js';
import type { ActionResult, Sighting } from './sighting.js';
import type { Demo } from './start-demo.js';

const stranger = 'kim@elsewhere.test';

const subjectOf = (which: string): string => `the ${which} message of the demo`;

export async function sendOverSmtp(demo: Demo, which: string): Promise<ActionResult> {
  const predicted = await predictServers(demo, 'mail', scriptUser);
  const mail = { from: stranger, to: scriptUser, subject: subjectOf(which), text: 'Hello Ann.' };
  const reply = await sendMail(demo.doors.smtp, mail);
  return {
    did: `smtp://${demoHost}:${demo.doors.smtp}: MAIL FROM:<${stranger}>, RCPT TO:<${scriptUser}>, DATA "${mail.subject}"`,
    sighting: { service: 'mail', predicted, saw: /\bon (\S+)$/.exec(reply)?.[1] ?? '', detail: `answered "${reply}"` },
  };
}

/** Reads the message that was sent; its trace header must name who took it in, and the mailbox hold so many messages. */
export async function readOverImap(
  demo: Demo,
  which: string,
  sent: Sighting | undefined,
  messageCount: number,
): Promise<ActionResult> {
  const predicted = await predictServers(demo, 'imap', scriptUser);
  const query = { user: scriptUser, password: demoPassword, subject: subjectOf(which) };
  const view = await readMailbox(demo.doors.imap, query);
  if (view.takenInBy === null) throw unexpected(`${view.server} has no message "${query.subject}"`);
  if (view.takenInBy !== sent?.saw) {
    throw unexpected(`the message was taken in by ${view.takenInBy}, not by ${sent?.saw ?? 'anybody'}`);
  }
  if (view.messageCount !== messageCount) {
    throw unexpected(`the mailbox holds ${view.messageCount} messages, not ${messageCount}`);
  }
  return {
    did: `imap://${demoHost}:${demo.doors.imap}: LOGIN ${scriptUser}, ID, SELECT INBOX, UID SEARCH, UID FETCH`,
    sighting: {
      service: 'imap',
      predicted,
      saw: view.server,
      detail: `message ${view.messageCount} of the mailbox is "${query.subject}", taken in by ${view.takenInBy}`,
    },
  };
}

export async function openWeb(demo: Demo): Promise<ActionResult> {
  const predicted = await predictServers(demo, 'web', scriptUser);
  const page = await openPage(demo.doors.http, { path: webPath, user: scriptUser, password: demoPassword });
  return {
    did: `GET http://${demoHost}:${demo.doors.http}${webPath} as ${scriptUser}`,
    sighting: { service: 'web', predicted, saw: page.server, detail: `status ${page.status}, "${page.title}"` },
  };
}

/** Makes the other copy the active one, as `database activate` does, and waits until the front end has it in force. */
export async function failOver(demo: Demo): Promise<ActionResult> {
  const { from, to, revision } = await lendStore(demo.storePath, 'write', (store) => {
    const database = storedEstate(store, undefined).topology.database(scriptDatabase);
    const other = database?.copies.find((copy) => copy !== database.active);
    if (!database || other === undefined) throw unexpected(`${scriptDatabase} has no other copy`);
    const command = `usher database activate ${scriptDatabase} --to ${other}`;
    const change = activateDatabase(store, scriptDatabase, other, { actor: actorName(), command, message: null }, {});
    return { from: database.active, to: other, revision: change.revision ?? 0 };
  });
  const begunAt = performance.now();
  await awaitRuntimes([demo.controlSocket], revision);
  const waitedMs = Math.ceil(performance.now() - begunAt);
  const status = await requireStatus({ sockets: [demo.controlSocket], frontEnd: undefined });
  if (status.revision !== revision) throw unexpected(`revision ${status.revision} is in force, not ${revision}`);
  const [saw = ''] = await predictServers(demo, 'imap', scriptUser);
  return {
    did: `usher database activate ${scriptDatabase} --to ${to}`,
    sighting: {
      service: 'database',
      predicted: [to],
      saw,
      detail: `was on ${from}; revision ${revision} in force at ${status.frontEnd} after ${waitedMs} ms`,
    },
  };
}

function unexpected(message: string): UsherError {
  return new UsherError('failed', 'demo-unexpected', message);
}
