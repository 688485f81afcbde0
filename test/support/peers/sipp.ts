import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { freePort } from '../free-port.js';
import { run } from '../run.js';
import { removeTempDir, tempDir } from '../temp-dir.js';

export interface SippOptions {
  /** Of the door on 127.0.0.1. */
  readonly port: number;
  /** TLS: over a bridge of our own, as Debian's SIPp has none. */
  readonly transport: 'udp' | 'tcp' | { readonly tls: ConnectionOptions };
  /** One connection for all, or one for each call; not with UDP. */
  readonly connections?: 'one' | 'each';
  readonly calls: number;
  /** Calls a second. */
  readonly rate?: number;
  /** An address of this machine to call from; default 127.0.0.1. */
  readonly from?: string;
  /** Of a hundred messages, in each direction. */
  readonly lostPercent?: number;
  readonly uri: string;
  /** Further fields of the INVITE. */
  readonly fields?: Readonly<Record<string, string>>;
  /** The final answer that each call must get. */
  readonly status: number;
  /** What its Contact must match. */
  readonly contact?: string;
}

/** How the calls went. */
export interface SippResult {
  readonly succeeded: number;
  readonly failed: number;
  /** Messages that SIPp sent again. */
  readonly repeated: number;
  /** The Contact of each final answer, as often as it came. */
  readonly contacts: readonly string[];
  /** What was not as expected. */
  readonly errors: readonly string[];
}

const timeoutSeconds = 60;

/**
 * Plays a gateway with SIPp: each call is an INVITE with a session description, whatever provisional answers come, the
 * final one and its ACK.
 * @throws Error where it cannot be started or does not come to its end
 */
export async function runSipp(options: SippOptions): Promise<SippResult> {
  const { transport, calls, rate = 200, from = '127.0.0.1', lostPercent, connections = 'one' } = options;
  const folder = tempDir('sipp');
  const file = (name: string): string => join(folder, name);
  writeFileSync(file('scenario.xml'), scenario(options));
  const bridge = typeof transport === 'object' ? await openBridge(options.port, from, transport.tls) : undefined;
  const args = ['-sf', file('scenario.xml'), '-i', bridge === undefined ? from : '127.0.0.1'];
  args.push('-p', String(await freePort()), '-m', String(calls), '-r', String(rate), '-l', String(calls));
  args.push('-t', `${transport === 'udp' ? 'u' : 't'}${transport === 'udp' || connections === 'one' ? '1' : 'n'}`);
  args.push('-nostdin', '-timeout', `${timeoutSeconds}s`, '-timeout_error', '-max_socket', '2000');
  args.push('-trace_err', '-error_file', file('errors'), '-trace_msg', '-message_file', file('messages'));
  args.push('-trace_stat', '-stf', file('statistics'));
  if (lostPercent !== undefined) args.push('-lost', String(lostPercent));
  args.push(`127.0.0.1:${bridge?.port ?? options.port}`);
  try {
    const { code, stderr } = await run('sipp', args, { timeoutMs: (timeoutSeconds + 10) * 1000, cwd: folder });
    // 1: a call failed, which the result tells.
    if (code !== 0 && code !== 1) throw new Error(`sipp exited ${String(code)}: ${stderr}`);
    return {
      ...readStatistics(file('statistics')),
      ...readMessages(file('messages')),
      errors: readErrors(file('errors')),
    };
  } finally {
    bridge?.close();
    removeTempDir(folder);
  }
}

function scenario({ transport, uri, fields = {}, status, contact }: SippOptions): string {
  const more = Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`);
  const headers = (method: string, branch: string, to: string) => `${method} ${uri} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[${branch}];rport
From: "Gateway" <sip:4001@[local_ip]:[local_port]>;tag=[call_number]
To: <${uri}>${to}
Call-ID: [call_id]
CSeq: 1 ${method}
Max-Forwards: 70
`;
  // RFC 3261 §17.1.1.3: the ACK of a refusal has the branch of its INVITE, three steps before.
  const retrans = transport === 'udp' ? ' retrans="500"' : '';
  const check =
    contact === undefined
      ? ''
      : `<action><ereg regexp="${escaped(contact)}" search_in="hdr" header="Contact:" check_it="true" assign_to="contact"/></action>`;
  return `<?xml version="1.0" encoding="UTF-8" ?>
<scenario name="gateway">
<send${retrans}><![CDATA[
${headers('INVITE', 'branch', '')}Contact: <sip:4001@[local_ip]:[local_port]>
${more.join('')}Content-Type: application/sdp
Content-Length: [len]

v=0
o=gateway 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
]]></send>
<recv response="100" optional="true"/>
<recv response="${status}">${check}</recv>
<send><![CDATA[
${headers('ACK', 'branch-3', '[peer_tag_param]')}Content-Length: 0

]]></send>
${transport === 'udp' ? '<timewait milliseconds="1200"/>' : ''}
${contact === undefined ? '' : '<Reference variables="contact"/>'}
</scenario>
`;
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

function readStatistics(file: string): Pick<SippResult, 'succeeded' | 'failed' | 'repeated'> {
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  const values = lines.at(-1)?.split(';') ?? [];
  const value = (name: string): number => Number(values[lines[0]?.split(';').indexOf(name) ?? -1]);
  const [succeeded, failed, repeated] = ['SuccessfulCall(C)', 'FailedCall(C)', 'Retransmissions(C)'].map(value);
  return { succeeded: succeeded ?? Number.NaN, failed: failed ?? Number.NaN, repeated: repeated ?? Number.NaN };
}

function readMessages(file: string): Pick<SippResult, 'contacts'> {
  const responses = readFileSync(file, 'latin1').matchAll(/message received.*\s+(SIP\/2\.0 [^]*?)\r?\n\r?\n/g);
  return { contacts: [...responses].flatMap(([, head = '']) => /^Contact: (.*?)\r?$/m.exec(head)?.[1] ?? []) };
}

/** The first line of each; that SIPp itself is slow on this machine is none. */
function readErrors(file: string): string[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'latin1')
    .split('\n')
    .filter((line) => /^\d{4}-\d\d-\d\d\t/.test(line));
  return lines.filter((line) => !line.includes('Overload warning'));
}

/** Takes connections in the clear and hands each on over TLS, from the address given. */
async function openBridge(
  port: number,
  localAddress: string,
  tls: ConnectionOptions,
): Promise<{ port: number; close: () => void }> {
  const ends = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect({
      rejectUnauthorized: false,
      ...tls,
      socket: connectTcp({ host: '127.0.0.1', port, localAddress }),
    });
    const both: readonly Socket[] = [near, far];
    for (const end of both) {
      ends.add(end);
      // What one end hears is told to the other; SIPp's calls fail with it.
      end.on('error', () => both.map((other) => other.destroy()));
      end.on('close', () => ends.delete(end));
    }
    near.pipe(far).pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      for (const end of ends) end.destroy();
    },
  };
}
