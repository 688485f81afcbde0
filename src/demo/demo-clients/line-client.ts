import { UsherError } from '../../errors.js';
import { connectTo } from '../../net/connect.js';
import { LineSplitter } from '../../protocols/lines/line-splitter.js';
import { demoHost } from '../demo-estate.js';

/** A client's side of a conversation in lines, bounded in time and length. */
export interface LineClient {
  send(text: string): void;
  /** The next line without its ending, one character per byte. */
  nextLine(): Promise<string>;
  nextBytes(count: number): Promise<string>;
  close(): void;
}

const connectTimeoutMs = 5000;
const conversationTimeoutMs = 15_000;
const lineLengthMax = 65_536;
const bytesMax = 16 * 1024 * 1024;

/** Connects to a door of the demo. `name` is what errors call it. */
export async function openLineClient(port: number, name: string): Promise<LineClient> {
  const check = { verify: false, ca: null, serverName: null };
  const socket = await connectTo({ host: demoHost, port, tls: 'none', timeoutMs: connectTimeoutMs, ...check });
  const fault = (what: string): UsherError => new UsherError('failed', 'demo-conversation', `the ${name} door ${what}`);
  const timer = setTimeout(() => {
    socket.destroy(fault(`did not finish within ${conversationTimeoutMs / 1000} s`));
  }, conversationTimeoutMs);
  const chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const splitter = new LineSplitter(lineLengthMax);
  let received = 0;
  const readMore = async (): Promise<void> => {
    const next = await chunks.next();
    if (next.done) throw fault('closed the connection');
    received += next.value.length;
    if (received > bytesMax) throw fault(`sent more than ${bytesMax} bytes`);
    splitter.push(next.value);
  };
  return {
    send: (text) => void socket.write(text, 'latin1'),
    async nextLine() {
      for (;;) {
        const found = splitter.nextLine();
        switch (found.kind) {
          case 'line':
            return found.line.toString('latin1');
          case 'too-long':
            throw fault(`sent a line of more than ${lineLengthMax} bytes`);
          case 'more':
            await readMore();
        }
      }
    },
    async nextBytes(count) {
      if (count > bytesMax) throw fault(`announced ${count} bytes`);
      for (;;) {
        const bytes = splitter.nextBytes(count);
        if (bytes) return bytes.toString('latin1');
        await readMore();
      }
    },
    close() {
      clearTimeout(timer);
      socket.destroy();
    },
  };
}
