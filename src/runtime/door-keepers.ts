import { imapProtocol } from '../protocols/imap/imap-protocol.js';
import { popProtocol } from '../protocols/pop/pop-protocol.js';
import { createHttpDoor } from '../session/http/http-door.js';
import type { ServerPools } from '../session/http/server-pools.js';
import type { WebServices } from '../session/http/web-door.js';
import { handleMailAccess } from '../session/mail-access/handle-mail-access.js';
import type { Outbound } from '../session/outbound/outbound.js';
import { createCallDoor } from '../session/sip/call-door.js';
import type { CallServices } from '../session/sip/call-services.js';
import { createSmtpDoor } from '../session/smtp/smtp-door.js';
import type { SmtpServices } from '../session/smtp/smtp-services.js';
import type { DoorHandler } from './door-set.js';

type HttpDoor = ReturnType<typeof createHttpDoor>;

/** What the doors of all protocols are given. */
export type KeptServices = SmtpServices & WebServices & CallServices;

/** Those who answer at the doors, by protocol. */
export interface DoorKeepers extends DoorHandler {
  /** Lets go of web doors whose listener is gone. */
  forgetUnless(isWanted: (listener: string) => boolean): void;
  close(): void;
}

export function createDoorKeepers(
  services: KeptServices,
  { pools, outbound }: { readonly pools: ServerPools; readonly outbound: Outbound },
): DoorKeepers {
  const smtp = createSmtpDoor(services);
  const calls = createCallDoor(services);
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
          return;
        case 'sip':
          void calls.handle(owner, socket);
      }
    },
    receiveDatagram({ owners: [owner = ''] }, bytes, from, through) {
      calls.receive(owner, bytes, from, through);
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
      outbound.close();
      calls.close();
      for (const door of web.values()) door.close();
    },
  };
}
