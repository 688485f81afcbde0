import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { startWebServer, type WebServer } from './web-server.js';

/** What a server with Windows logon says to whom it knows. */
export interface LoggedOn {
  readonly server: string;
  readonly user: string;
  /** The server's number of the connection, and which request of it this is. */
  readonly connection: number;
  readonly request: number;
}

type Logon =
  | { readonly state: 'none' }
  | { readonly state: 'challenged'; readonly scheme: Scheme }
  | { readonly state: 'known'; readonly user: string };

type Scheme = 'NTLM' | 'Negotiate';

interface Connection {
  readonly number: number;
  requests: number;
  logon: Logon;
}

export interface WindowsLogonServer extends WebServer {
  /** Who the connections that are open belong to. */
  known(): string[];
}

/**
 * A web server whose clients log on once a connection, as Windows servers let them: whatever comes on that connection
 * later is that user's, with or without credentials. It takes NTLM (three legs), Negotiate with tokens
 * `step1:NAME`, `step2:NAME` (two legs) or `ticket:NAME` (one leg). Below /ews/basic/ it takes Basic alone, and below
 * /ews/ntlm/ it does not offer Negotiate. Passwords are not checked; that the legs come on one connection is.
 */
export async function startWindowsLogonServer(name: string): Promise<WindowsLogonServer> {
  const connections = new Map<Socket, Connection>();
  let count = 0;
  const connectionOf = ({ socket }: IncomingMessage): Connection => {
    const known = connections.get(socket);
    if (known !== undefined) return known;
    count += 1;
    const connection: Connection = { number: count, requests: 0, logon: { state: 'none' } };
    connections.set(socket, connection);
    socket.once('close', () => connections.delete(socket));
    return connection;
  };
  const server = await startWebServer(name, {
    onRequest(request, response) {
      const connection = connectionOf(request);
      connection.requests += 1;
      // The body may come after the answer's decision; it is of no interest.
      request.resume();
      request.once('end', () => answer(name, connection, request, response));
    },
  });
  return {
    ...server,
    known: () => [...connections.values()].flatMap(({ logon }) => (logon.state === 'known' ? [logon.user] : [])),
  };
}

function answer(name: string, connection: Connection, request: IncomingMessage, response: ServerResponse): void {
  const [, scheme = '', credentials = ''] = /^(\S+) +(\S+)$/.exec(request.headers.authorization ?? '') ?? [];
  const isBasicOnly = request.url?.startsWith('/ews/basic/') === true;
  const offers =
    request.url?.startsWith('/ews/ntlm/') === true ? ['NTLM', 'Basic realm="mail"'] : ['Negotiate', 'NTLM'];
  const welcome = (user: string): void => {
    const said: LoggedOn = { server: name, user, connection: connection.number, request: connection.requests };
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(said));
  };
  if (isBasicOnly || scheme.toLowerCase() === 'basic') {
    const [user = ''] = Buffer.from(credentials, 'base64').toString().split(':');
    if (isBasicOnly && scheme.toLowerCase() === 'basic' && user !== '') welcome(user);
    else refuse(response, isBasicOnly ? ['Basic realm="mail"'] : offers);
    return;
  }
  if (scheme === 'NTLM' || scheme === 'Negotiate') {
    const { logon, challenge } = next(connection.logon, scheme, Buffer.from(credentials, 'base64'));
    connection.logon = logon;
    if (challenge !== null) {
      refuse(response, [`${scheme} ${challenge.toString('base64')}`]);
      return;
    }
  }
  if (connection.logon.state === 'known') welcome(connection.logon.user);
  else refuse(response, offers);
}

function refuse(response: ServerResponse, offers: readonly string[]): void {
  const text = 'who are you?';
  response.writeHead(401, { 'WWW-Authenticate': [...offers], 'Content-Length': text.length }).end(text);
}

interface NextLogon {
  readonly logon: Logon;
  readonly challenge: Buffer | null;
}

function next(logon: Logon, scheme: Scheme, token: Buffer): NextLogon {
  const refused: NextLogon = { logon: { state: 'none' }, challenge: null };
  const isSecond = logon.state === 'challenged' && logon.scheme === scheme;
  if (token.toString('latin1', 0, 8) === 'NTLMSSP\0') {
    const type = token.readUInt32LE(8);
    if (type === 1) return { logon: { state: 'challenged', scheme }, challenge: ntlmChallenge() };
    return type === 3 && isSecond ? { logon: { state: 'known', user: ntlmUser(token) }, challenge: null } : refused;
  }
  const [, step, user = ''] = /^(step1|step2|ticket):(.+)$/.exec(token.toString()) ?? [];
  if (scheme === 'NTLM' || step === undefined) return refused;
  if (step === 'step1') return { logon: { state: 'challenged', scheme }, challenge: Buffer.from('go on') };
  return step === 'ticket' || isSecond ? { logon: { state: 'known', user }, challenge: null } : refused;
}

// MS-NLMP §2.2.1.2: CHALLENGE_MESSAGE with Unicode, NTLM and extended session security, and an empty target.
function ntlmChallenge(): Buffer {
  const message = Buffer.alloc(56);
  message.write('NTLMSSP\0', 'latin1');
  message.writeUInt32LE(2, 8);
  message.writeUInt32LE(56, 16);
  message.writeUInt32LE(0x00088201, 20);
  randomBytes(8).copy(message, 24);
  message.writeUInt32LE(56, 44);
  return message;
}

// MS-NLMP §2.2.1.3: UserNameFields are length and offset at 36.
function ntlmUser(message: Buffer): string {
  const length = message.readUInt16LE(36);
  const offset = message.readUInt32LE(40);
  return message.toString('utf16le', offset, offset + length);
}
