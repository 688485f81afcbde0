import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { startWebServer, type WebServer } from './web-server.js';

/** Mailbox servers with a webmail that have their sessions in common, as the servers of one DAG do. */
export interface Webmail {
  start(name: string): Promise<WebServer>;
}

const formMax = 4096;
const cookieName = 'webmailsession';

/**
 * A webmail at /owa: whoever has no session is sent to a form that posts `username` and `password` to /owa/auth.owa;
 * `/owa/` is a page that names user and server and shows, in the element `#said`, what the WebSocket /owa/ws says and
 * answers; `/owa/whoami` is both as JSON.
 * @param passwords by address
 */
export function createWebmail(passwords: Readonly<Record<string, string>>): Webmail {
  const sessions = new Map<string, string>();
  const userOf = (request: IncomingMessage): string | undefined => {
    const cookie = new RegExp(`(?:^|; *)${cookieName}=([0-9a-f]+)`).exec(request.headers.cookie ?? '');
    return sessions.get(cookie?.[1] ?? '');
  };

  async function logOn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams(await textOf(request));
    const user = form.get('username') ?? '';
    const password = form.get('password');
    if (password === null || passwords[user] !== password) {
      sendTo(response, '/owa/auth/logon.aspx?reason=2');
      return;
    }
    const session = randomBytes(16).toString('hex');
    sessions.set(session, user);
    response.setHeader('Set-Cookie', `${cookieName}=${session}; Path=/; Secure; HttpOnly`);
    sendTo(response, '/owa/');
  }

  function serve(name: string, request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? '').replace(/\?.*/, '');
    const user = userOf(request);
    if (path === '/owa/auth.owa' && request.method === 'POST') {
      logOn(request, response).catch((error: unknown) => response.destroy(error as Error));
    } else if (path === '/owa/auth/logon.aspx') sendPage(response, logonPage(name));
    else if (user === undefined) sendTo(response, '/owa/auth/logon.aspx');
    else if (path === '/owa/whoami') response.end(JSON.stringify({ server: name, user }));
    else sendPage(response, mailPage(name, user));
  }

  return {
    start: (name) =>
      startWebServer(name, {
        onRequest: (request, response) => serve(name, request, response),
        onUpgrade: (request, socket, head) => {
          const user = userOf(request);
          if (user === undefined) socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n');
          else talk(request, socket, head, `${name} to ${user}`);
        },
      }),
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += (chunk as Buffer).length;
    if (length > formMax) throw new Error('the form is too long');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString();
}

function sendTo(response: ServerResponse, location: string): void {
  response.writeHead(302, { Location: location, 'Content-Length': 0 }).end();
}

function sendPage(response: ServerResponse, body: string): void {
  response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' });
  response.end(`<!doctype html><html><head><link rel="icon" href="data:,"></head><body>${body}</body></html>`);
}

function logonPage(server: string): string {
  const fields = '<input name="username"><input name="password" type="password">';
  return `<p id="server">${server}</p><form method="post" action="/owa/auth.owa">${fields}<button>Sign in</button></form>`;
}

function mailPage(server: string, user: string): string {
  const script = `
    const socket = new WebSocket(\`wss://\${location.host}/owa/ws\`);
    const said = document.querySelector('#said');
    socket.onmessage = ({ data }) => { said.textContent += data + '\\n'; };
    socket.onopen = () => socket.send('hello');
    socket.onclose = ({ code }) => { said.textContent += 'closed ' + code + '\\n'; };`;
  return `<p id="server">${server}</p><p id="user">${user}</p><pre id="said"></pre><script>${script}</script>`;
}

/** RFC 6455, as much of it as a test page needs: says who it is, gives every short text back in capitals. */
function talk(request: IncomingMessage, socket: Socket, head: Buffer, greeting: string): void {
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash('sha1').update(key).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  const say = (opcode: number, text: Buffer): boolean =>
    socket.write(Buffer.concat([Buffer.from([0x80 | opcode, text.length]), text]));
  let unread = head;
  const read = (): void => {
    for (let frame = firstFrame(unread); frame !== null; frame = firstFrame(unread)) {
      unread = unread.subarray(frame.end);
      if (frame.opcode === 0x8) {
        say(0x8, frame.payload);
        socket.end();
      } else if (frame.opcode === 0x1) say(0x1, Buffer.from(frame.payload.toString().toUpperCase()));
    }
  };
  socket.on('data', (chunk: Buffer) => {
    unread = Buffer.concat([unread, chunk]);
    read();
  });
  say(0x1, Buffer.from(greeting));
  read();
}

interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
  readonly end: number;
}

/** A masked frame of at most 125 bytes; null where it is not all there. */
function firstFrame(bytes: Buffer): Frame | null {
  const [first = 0, second = 0] = bytes;
  const length = second & 0x7f;
  if (bytes.length < 6 || bytes.length < 6 + length) return null;
  if (length > 125) throw new Error('a longer frame than the page sends');
  const mask = bytes.subarray(2, 6);
  const payload = Buffer.from(bytes.subarray(6, 6 + length).map((byte, index) => byte ^ (mask[index % 4] ?? 0)));
  return { opcode: first & 0x0f, payload, end: 6 + length };
}
