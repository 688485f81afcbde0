import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Door } from './accept.js';
import { doorNotOpen } from './door-not-open.js';

/** Who sent a datagram. */
export interface DatagramPeer {
  readonly address: string;
  readonly port: number;
}

/** An open UDP socket that takes datagrams and answers from its own port. */
export interface DatagramDoor extends Door {
  /** False: it could not be sent, as the door is closed or too much waits for the network. */
  send(bytes: Buffer, to: DatagramPeer): boolean;
}

export interface DatagramDoorOptions {
  /** An address of this machine; `::` is IPv6 alone. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** The bytes are the handler's own. */
  readonly onDatagram: (bytes: Buffer, from: DatagramPeer, door: DatagramDoor) => void;
}

// A burst of calls waits here and not in memory of ours; the system may allow less.
const receiveBufferBytes = 4 * 1024 * 1024;
const sendQueueBytesMax = 8 * 1024 * 1024;

/** Opens one UDP socket. Rejects with UsherError `door-not-open`. */
export function openDatagramDoor({ host, port, onDatagram }: DatagramDoorOptions): Promise<DatagramDoor> {
  const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4', ipv6Only: host === '::' });
  return new Promise((resolve, reject) => {
    const onRefused = (error: Error): void => {
      socket.close();
      reject(doorNotOpen(host, port, error));
    };
    socket.once('error', onRefused);
    socket.bind({ address: host, port, exclusive: true }, () => {
      socket.off('error', onRefused);
      // What a peer's network says of a datagram that came too late is nobody's here.
      socket.on('error', () => undefined);
      enlarge(socket);
      const door = new OpenDatagramDoor(socket);
      socket.on('message', (bytes, { address, port: from }) => onDatagram(bytes, { address, port: from }, door));
      resolve(door);
    });
  });
}

function enlarge(socket: Socket): void {
  if (socket.getRecvBufferSize() < receiveBufferBytes) socket.setRecvBufferSize(receiveBufferBytes);
}

class OpenDatagramDoor implements DatagramDoor {
  readonly address: Door['address'];
  readonly #socket: Socket;
  #stage: 'open' | 'closed' = 'open';

  constructor(socket: Socket) {
    const { address, port } = socket.address();
    this.address = { host: address, port };
    this.#socket = socket;
  }

  send(bytes: Buffer, { address, port }: DatagramPeer): boolean {
    if (this.#stage === 'closed' || port === 0 || this.#socket.getSendQueueSize() > sendQueueBytesMax) return false;
    this.#socket.send(bytes, port, address, ignore);
    return true;
  }

  close(): void {
    if (this.#stage === 'closed') return;
    this.#stage = 'closed';
    this.#socket.close();
  }
}

/** A datagram that is lost is sent again, or asked for again. */
function ignore(): void {
  // Without a callback a failure would be an `error` of the whole socket.
}
