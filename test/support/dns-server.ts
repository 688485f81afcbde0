import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import ipaddr from 'ipaddr.js';

/** What the server says of one name and type; `silent`: nothing. */
export type DnsReply =
  | 'nxdomain'
  | 'nodata'
  | 'servfail'
  | 'refused'
  | 'silent'
  | { readonly ttlSeconds?: number; readonly afterMs?: number; readonly records: readonly string[] };

/** By `TYPE name`: `A a.test` -> addresses, `TXT a.test` -> texts, `MX a.test` -> `10 mx.a.test`, `PTR ...` -> names. */
export type DnsZone = Readonly<Record<string, DnsReply | readonly string[]>>;

export interface TestDnsServer {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  /** Every question so far, as `TYPE name`. */
  readonly questions: readonly string[];
  /** What is said from now on; a name that is not there is nobody's. */
  zone: DnsZone;
  close(): void;
}

const typeCodes = { A: 1, PTR: 12, MX: 15, TXT: 16, AAAA: 28 } as const;
type TypeName = keyof typeof typeCodes;
const responseCodes = { nodata: 0, servfail: 2, nxdomain: 3, refused: 5 } as const;

/** A name server on the loopback address that says what it is told to (RFC 1035). */
export async function startDnsServer(zone: DnsZone = {}): Promise<TestDnsServer> {
  const socket = createSocket('udp4');
  const questions: string[] = [];
  socket.on('message', (message, from) => answer(message, from));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const server = {
    address: `127.0.0.1:${socket.address().port}`,
    questions,
    zone,
    close: () => void socket.close(),
  };
  function answer(message: Buffer, from: RemoteInfo): void {
    const { name, end } = readName(message);
    const code = message.readUInt16BE(end);
    const type = (Object.keys(typeCodes) as TypeName[]).find((key) => typeCodes[key] === code);
    if (type === undefined) throw new Error(`a question of type ${code}`);
    questions.push(`${type} ${name}`);
    const said = server.zone[`${type} ${name}`];
    const reply: DnsReply =
      said === undefined
        ? Object.keys(server.zone).some((key) => key.endsWith(` ${name}`))
          ? 'nodata'
          : 'nxdomain'
        : typeof said === 'object' && !('records' in said)
          ? { records: said }
          : said;
    if (reply === 'silent') return;
    const bytes = writeReply(message, end + 4, type, reply);
    const send = (): void => socket.send(bytes, from.port, from.address);
    if (typeof reply === 'object' && reply.afterMs) setTimeout(send, reply.afterMs);
    else send();
  }
  return server;
}

function readName(message: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (;;) {
    const length = message[at] ?? 0;
    at += 1;
    if (length === 0) return { name: labels.join('.').toLowerCase(), end: at };
    labels.push(message.toString('latin1', at, at + length));
    at += length;
  }
}

function writeReply(question: Buffer, end: number, type: TypeName, reply: Exclude<DnsReply, 'silent'>): Buffer {
  const records = typeof reply === 'object' ? reply.records : [];
  const ttl = typeof reply === 'object' ? (reply.ttlSeconds ?? 3600) : 0;
  const head = Buffer.from(question.subarray(0, end));
  head.writeUInt16BE(0x8180 | (typeof reply === 'object' ? 0 : responseCodes[reply]), 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(records.length, 6);
  head.writeUInt32BE(0, 8);
  const answers = records.map((record) => {
    const data = dataOf(type, record);
    const fixed = Buffer.alloc(12);
    fixed.writeUInt16BE(0xc00c, 0);
    fixed.writeUInt16BE(typeCodes[type], 2);
    fixed.writeUInt16BE(1, 4);
    fixed.writeUInt32BE(ttl, 6);
    fixed.writeUInt16BE(data.length, 10);
    return Buffer.concat([fixed, data]);
  });
  return Buffer.concat([head, ...answers]);
}

function dataOf(type: TypeName, record: string): Buffer {
  switch (type) {
    case 'A':
    case 'AAAA':
      return Buffer.from(ipaddr.parse(record).toByteArray());
    case 'PTR':
      return nameBytes(record);
    case 'MX': {
      const [preference = '0', host = ''] = record.split(' ');
      const number = Buffer.alloc(2);
      number.writeUInt16BE(Number(preference));
      return Buffer.concat([number, nameBytes(host)]);
    }
    case 'TXT': {
      const pieces = record.match(/[\s\S]{1,255}/g) ?? [''];
      return Buffer.concat(pieces.flatMap((piece) => [Buffer.from([piece.length]), Buffer.from(piece, 'latin1')]));
    }
  }
}

function nameBytes(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.from(label, 'latin1'));
  return Buffer.concat([...labels.flatMap((label) => [Buffer.from([label.length]), label]), Buffer.from([0])]);
}
