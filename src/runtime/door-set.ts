import type { Socket } from 'node:net';
import type { DoorStatus } from '../control/messages.js';
import { reasonOf } from '../errors.js';
import type { Door } from '../net/accept.js';
import { openDoor } from '../net/accept.js';
import { type DatagramDoor, type DatagramPeer, openDatagramDoor } from '../net/open-datagram-door.js';
import type { WantedDoor } from './wanted-doors.js';

/** Takes what comes to a door; which listener or connectors it belongs to is looked up as each one comes. */
export interface DoorHandler {
  receive(door: WantedDoor, socket: Socket): void;
  receiveDatagram(door: WantedDoor, bytes: Buffer, from: DatagramPeer, through: DatagramDoor): void;
}

interface OpenDoor {
  readonly door: Door;
  wanted: WantedDoor;
  state: 'open' | 'kept';
}

/** A door that could not be opened, and why. */
export interface DoorFailure {
  readonly wanted: WantedDoor;
  readonly reason: string;
}

/** The open doors of a runtime, brought in line with what the estate asks for. */
export interface DoorSet {
  /** Opens what is missing before it closes what is no longer wanted; what cannot be opened is told, its old door stays. */
  reconcile(wanted: ReadonlyMap<string, WantedDoor>): Promise<readonly DoorFailure[]>;
  status(): DoorStatus[];
  closeAll(): void;
}

export function createDoorSet(handler: DoorHandler): DoorSet {
  const open = new Map<string, OpenDoor>();
  let failures: readonly DoorFailure[] = [];

  const openOne = async (wanted: WantedDoor): Promise<void> => {
    const { host, port } = wanted;
    const now = (): WantedDoor => open.get(wanted.address)?.wanted ?? wanted;
    const door =
      wanted.transport === 'udp'
        ? await openDatagramDoor({
            host,
            port,
            onDatagram: (bytes, from, through) => handler.receiveDatagram(now(), bytes, from, through),
          })
        : await openDoor({ host, port, onConnection: (socket) => handler.receive(now(), socket) });
    open.set(wanted.address, { door, wanted, state: 'open' });
  };
  const closeOne = (address: string): void => {
    open.get(address)?.door.close();
    open.delete(address);
  };

  return {
    async reconcile(wanted) {
      const failed: DoorFailure[] = [];
      for (const door of wanted.values()) {
        const known = open.get(door.address);
        if (known) {
          known.wanted = door;
          known.state = 'open';
          continue;
        }
        const reason = await tryOpen(open, wanted, door, openOne, closeOne);
        if (reason !== null) failed.push({ wanted: door, reason });
      }
      for (const [address, entry] of open) {
        if (wanted.has(address)) continue;
        const replaced = failed.some((failure) =>
          failure.wanted.owners.some((owner) => entry.wanted.owners.includes(owner)),
        );
        if (replaced) entry.state = 'kept';
        else closeOne(address);
      }
      failures = failed;
      return failed;
    },
    status: () => [
      ...[...open.values()].map(({ wanted, state }) => statusOf(wanted, state)),
      ...failures.map(({ wanted, reason }) => ({ ...statusOf(wanted, 'closed'), reason })),
    ],
    closeAll() {
      for (const address of [...open.keys()]) closeOne(address);
    },
  };
}

const statusOf = (wanted: WantedDoor, state: DoorStatus['state']): DoorStatus => ({
  name: wanted.owners.join(', '),
  protocol: wanted.protocol,
  address: wanted.address,
  state,
});

/** Opens a door; one of our own on the same port that is no longer wanted makes room for it. Why not, if it cannot be. */
async function tryOpen(
  open: ReadonlyMap<string, OpenDoor>,
  wanted: ReadonlyMap<string, WantedDoor>,
  door: WantedDoor,
  openOne: (door: WantedDoor) => Promise<void>,
  closeOne: (address: string) => void,
): Promise<string | null> {
  const inTheWay = [...open.values()].filter(
    ({ wanted: { port, transport, address } }) =>
      port === door.port && transport === door.transport && !wanted.has(address),
  );
  try {
    await openOne(door);
    return null;
  } catch (error) {
    if (inTheWay.length === 0) return reasonOf(error);
  }
  for (const entry of inTheWay) closeOne(entry.wanted.address);
  try {
    await openOne(door);
    return null;
  } catch (error) {
    for (const entry of inTheWay) await openOne(entry.wanted);
    return reasonOf(error);
  }
}
