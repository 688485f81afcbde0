import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, tempDir } from './child.mjs';
import { median } from './harness.mjs';

/** The pilot number of each dial plan: whoever calls it over UDP or TCP, and whoever does over TLS. */
export const pilots = /** @type {const} */ ({ clear: '5000', tls: '6000' });
/** Extensions that have a mailbox, from the first on. */
export const extensions = { first: 1000, count: 4000 };

/** So few that the INVITEs of all fit into a socket's buffer as it is by default. */
const callsAtATime = 64;
/** A call is lost after it. */
const answerTimeoutMs = 10_000;
const loadSecondsMax = 600;
// Of the socket, as far as the system allows it: usher and Kamailio have the same.
const bufferBytes = 4 * 1024 * 1024;
const rateWithoutLimit = 1_000_000;

/**
 * Where calls go to. `pilot` is who is called, `contact` what the redirect must say.
 * @typedef {object} CallTarget
 * @property {string} name of the system, for messages
 * @property {number} port
 * @property {'udp' | 'tcp'} transport of sipp
 * @property {string} pilot
 * @property {string} contact
 */

/**
 * `lost` counts calls without a redirect. `responseMs`: from the INVITE to the redirect, in whole milliseconds.
 * @typedef {{calls: number, lost: number, seconds: number, responseMs: {median: number, p99: number}}} CallResult
 */

const sdp = `v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 16384 RTP/AVP 0 8 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=ptime:20
`;

const caller = '"Caller" <sip:+15551234567@[local_ip]:[local_port]>;tag=[pid]-[call_number]';
const callee = '<sip:[service]@[remote_ip]:[remote_port]>';
const via = 'SIP/2.0/[transport] [local_ip]:[local_port];branch=';

/**
 * One call as sipp makes it: somebody did not answer, and the gateway asks for whose mailbox it is.
 * @param {string | undefined} contact what the redirect must say; undefined: it is not looked at
 */
function scenario(contact) {
  const ereg = `<ereg regexp="^ *&lt;${contact?.replaceAll('.', '[.]')}&gt;$" search_in="hdr" header="Contact:"`;
  const check = contact === undefined ? '' : `<action>${ereg} check_it="true" assign_to="1"/></action>`;
  const isUsed = contact === undefined ? '' : '<Reference variables="1"/>';
  return `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="redirect">
<send start_rtd="1"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: ${via}[branch];rport
From: ${caller}
To: ${callee}
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:+15551234567@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
Diversion: <sip:[field0]@[local_ip]>;reason=no-answer;counter=1
Allow: INVITE, ACK, CANCEL, BYE, OPTIONS
Supported: replaces
User-Agent: gateway
Content-Type: application/sdp
Content-Length: [len]

${sdp}]]></send>
<recv response="100"/>
<recv response="302" rtd="1">${check}</recv>
<send><![CDATA[
ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: ${via}[branch-3];rport
From: ${caller}
To: ${callee}[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
${isUsed}
</scenario>
`;
}

/**
 * Makes one call and looks at where it is led to.
 * @param {CallTarget} target
 * @throws {Error} where that is not the contact
 */
export async function checkRedirect(target) {
  const { lost, errors } = await play(target, { contact: target.contact, options: ['-m', '1'] });
  if (lost > 0) throw new Error(`no redirect by ${target.name} to ${target.contact}\n${errors}`);
}

/**
 * Makes calls as fast as they are answered, so many at a time.
 * @param {CallTarget} target
 * @param {number} count
 * @returns {Promise<CallResult>}
 */
export function makeCalls(target, count) {
  const options = ['-m', String(count), '-l', String(callsAtATime), '-r', String(rateWithoutLimit)];
  return play(target, { contact: undefined, options });
}

/**
 * Makes so many calls a second whether they are answered or not.
 * @param {CallTarget} target
 * @param {{perSecond: number, seconds: number}} load
 * @returns {Promise<CallResult>}
 */
export function makeCallsAtRate(target, { perSecond, seconds }) {
  const count = Math.max(1, Math.round(perSecond * seconds));
  // All may be open at once.
  const options = ['-m', String(count), '-l', String(count), '-r', String(Math.round(perSecond))];
  return play(target, { contact: undefined, options });
}

/**
 * Runs sipp once: nothing is sent twice, so that a datagram that is lost is a call that is lost.
 * @param {CallTarget} target
 * @param {{contact: string | undefined, options: readonly string[]}} call
 * @returns {Promise<CallResult & {errors: string}>}
 */
async function play({ name, port, transport, pilot }, { contact, options }) {
  const directory = tempDir('sipp');
  writeFileSync(join(directory, 'calls.xml'), scenario(contact));
  const numbers = Array.from({ length: extensions.count }, (_, place) => extensions.first + place);
  writeFileSync(join(directory, 'extensions.csv'), `SEQUENTIAL\n${numbers.join('\n')}\n`);
  const way = ['-i', '127.0.0.1', '-t', transport === 'udp' ? 'u1' : 't1', '-buff_size', String(bufferBytes)];
  const what = ['-sf', 'calls.xml', '-inf', 'extensions.csv', '-s', pilot, '-nr', '-nostdin', '-nd'];
  const limits = ['-recv_timeout', String(answerTimeoutMs), '-timeout', String(loadSecondsMax), '-deadcall_wait', '0'];
  const files = ['-trace_stat', '-stf', 'stat.csv', '-trace_rtt', '-trace_err', '-error_file', 'errors.txt'];
  // sipp names the file of response times itself, in the folder that it runs in. Exit code 1: calls were lost.
  const collected = 'find . -name "*_rtt.csv" -exec cat {} + >rtt.csv; touch errors.txt';
  const script = `cd "$1" && shift && { sipp "$@" || [ $? -eq 1 ]; } && { ${collected}; }`;
  const args = [`127.0.0.1:${port}`, ...what, ...way, ...limits, ...files, ...options];
  try {
    await run('sh', ['-c', script, 'sh', directory, ...args]);
  } catch (error) {
    throw new Error(`calls to ${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  const read = (/** @type {string} */ file) => readFileSync(join(directory, file), 'utf8');
  return { ...resultOf(read('stat.csv')), responseMs: responseTimes(read('rtt.csv')), errors: read('errors.txt') };
}

/** @param {string} text sipp's statistics: a line of names, and one of values for each second; the last is the end */
function resultOf(text) {
  const lines = text.trim().split('\n');
  const names = (lines[0] ?? '').split(';');
  const values = (lines.at(-1) ?? '').split(';');
  const value = (/** @type {string} */ name) => values[names.indexOf(name)] ?? '';
  // A date, a time and seconds since 1970.
  const secondsOf = (/** @type {string} */ name) => Number(value(name).split('\t')[2]);
  const calls = Number(value('SuccessfulCall(C)'));
  const lost = Number(value('FailedCall(C)'));
  const seconds = secondsOf('CurrentTime') - secondsOf('StartTime');
  if (![calls, lost, seconds].every(Number.isFinite)) throw new Error('the statistics of sipp cannot be read');
  return { calls, lost, seconds };
}

/** @param {string} text sipp's response times: when, milliseconds, and which */
function responseTimes(text) {
  const times = text
    .split('\n')
    .map((line) => Number(line.split(';')[1] ?? Number.NaN))
    .filter((time) => Number.isFinite(time))
    .toSorted((a, b) => a - b);
  if (times.length === 0) return { median: Number.NaN, p99: Number.NaN };
  return { median: median(times), p99: times[Math.floor(times.length * 0.99)] ?? Number.NaN };
}
