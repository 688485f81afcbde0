import type { Socket } from 'node:net';
import { imapProtocol } from '../protocols/imap/imap-protocol.js';
import { popProtocol } from '../protocols/pop/pop-protocol.js';
import { createHttpDoor } from '../session/http/http-door.js';
import type { ServerPools } from '../session/http/server-pools.js';
import type { WebServices } from '../session/http/web-door.js';
import { handleMailAccess } from '../session/mail-access/handle-mail-access.js';
import { createSmtpDoor } from '../session/smtp/smtp-door.js';
import type { SmtpServices } from '../session/smtp/smtp-services.js';
import type { WantedDoor } from './wanted-doors.js';

type HttpDoor = ReturnType<typeof createHttpDoor>;

/** What the doors of all protocols are given. */
export type KeptServices = SmtpServices & WebServices;

/** Those who answer at the doors, by protocol. */
export interface DoorKeepers {
  receive(door: WantedDoor, socket: Socket): void;
  /** Lets go of web doors whose listener is gone. */
  forgetUnless(isWanted: (listener: string) => boolean): void;
  close(): void;
}

export function createDoorKeepers(services: KeptServices, pools: ServerPools): DoorKeepers {
  const smtp = createSmtpDoor(services);
  const web = new Map<string, HttpDoor>();
  const webDoor = (listener: string): HttpDoor => {
    const known = web.get(listener);
    if (known) return known;
    const door = createHttpDoor(services, listener, pools);
    web.set(listener, door);
    return door;
  };
  return {
    receive({ protocol, owners }, socket) {
      const [owner = ''] = owners;
      switch (protocol) {
        case 'smtp':
          void smtp.handle(socket);
          return;
        case 'imap':
          void handleMailAccess(services, owner, imapProtocol, socket);
          return;
        case 'pop':
          void handleMailAccess(services, owner, popProtocol, socket);
          return;
        case 'http':
          void webDoor(owner).handle(socket);
      }
    },
    forgetUnless(isWanted) {
      for (const [listener, door] of web) {
        if (isWanted(listener)) continue;
        door.drain();
        web.delete(listener);
      }
    },
    close() {
      smtp.close();
      for (const door of web.values()) door.close();
    },
  };
}
