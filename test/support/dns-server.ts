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

/**
 * By `TYPE name`: `A a.test` -> addresses, `TXT a.test` -> texts, `MX a.test` -> `10 mx.a.test` (`0 .`: none takes
 * mail), `PTR ...`, `CNAME ...` -> names. A name that has nothing but a CNAME is answered by what it stands for.
 */
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

const typeCodes = { A: 1, CNAME: 5, PTR: 12, MX: 15, TXT: 16, AAAA: 28 } as const;
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
    const chain = aliases(server.zone, type, name);
    const reply = replyOf(server.zone, type, chain.at(-1) ?? name);
    if (reply === 'silent') return;
    const bytes = writeReply(message, end + 4, { type, reply, chain });
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

/** A name, and the ones it stands for one after the other where it has nothing else to say. */
function aliases(zone: DnsZone, type: TypeName, name: string): string[] {
  const chain = [name];
  if (type === 'CNAME') return chain;
  for (let at = name; chain.length < 8 && zone[`${type} ${at}`] === undefined; ) {
    const said = zone[`CNAME ${at}`];
    const target = Array.isArray(said) ? (said[0] as string | undefined) : undefined;
    if (target === undefined) break;
    at = target;
    chain.push(at);
  }
  return chain;
}

function replyOf(zone: DnsZone, type: TypeName, name: string): DnsReply {
  const said = zone[`${type} ${name}`];
  if (said === undefined) return Object.keys(zone).some((key) => key.endsWith(` ${name}`)) ? 'nodata' : 'nxdomain';
  return typeof said === 'object' && !('records' in said) ? { records: said } : said;
}

interface Answer {
  readonly type: TypeName;
  readonly reply: Exclude<DnsReply, 'silent'>;
  /** The name that was asked for, and the ones it stands for. */
  readonly chain: readonly string[];
}

function writeReply(question: Buffer, end: number, { type, reply, chain }: Answer): Buffer {
  const records = typeof reply === 'object' ? reply.records : [];
  const ttl = typeof reply === 'object' ? (reply.ttlSeconds ?? 3600) : 0;
  const head = Buffer.from(question.subarray(0, end));
  head.writeUInt16BE(0x8180 | (typeof reply === 'object' ? 0 : responseCodes[reply]), 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(records.length + chain.length - 1, 6);
  head.writeUInt32BE(0, 8);
  const asked = Buffer.from([0xc0, 12]);
  const owners = chain.map((name, index) => (index === 0 ? asked : nameBytes(name)));
  const links = chain.slice(1).map((target, index) => writeRecord(owners[index] ?? asked, 'CNAME', ttl, target));
  const owner = owners.at(-1) ?? asked;
  return Buffer.concat([head, ...links, ...records.map((record) => writeRecord(owner, type, ttl, record))]);
}

function writeRecord(owner: Buffer, type: TypeName, ttlSeconds: number, record: string): Buffer {
  const data = dataOf(type, record);
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(typeCodes[type], 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt32BE(ttlSeconds, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([owner, fixed, data]);
}

function dataOf(type: TypeName, record: string): Buffer {
  switch (type) {
    case 'A':
    case 'AAAA':
      return Buffer.from(ipaddr.parse(record).toByteArray());
    case 'CNAME':
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
  const labels = name
    .split('.')
    .filter((label) => label !== '')
    .map((label) => Buffer.from(label, 'latin1'));
  return Buffer.concat([...labels.flatMap((label) => [Buffer.from([label.length]), label]), Buffer.from([0])]);
}
