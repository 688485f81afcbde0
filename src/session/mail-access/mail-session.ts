import type { Socket } from 'node:net';
import { Relay, type Relayed, type RelayOptions, type RelayOwner } from '../../net/relay.js';
import type { Session } from '../session-registry.js';
import type { ConnectionCounts } from './connection-counts.js';
import { goodbye } from './goodbye.js';

/**
 * Where a conversation stands: `silent` while words of the protocol cannot be said (PROXY header, TLS handshake),
 * `talking` up to the login, `relaying` after it.
 */
export type Stage = 'silent' | 'talking' | 'relaying' | 'over';

/** Who or what ended a conversation. */
export type EndedBy =
  | 'client'
  | 'server'
  | 'idle'
  | 'error'
  | 'timeout'
  | 'draining'
  | 'destroyed'
  | 'dialogue'
  | 'handshake'
  | 'proxy-header'
  | 'out-of-service'
  | 'limit';

/** Told when the two sides have parted after a login. */
export interface RelayLog {
  relayed(by: EndedBy, relayed: Relayed): void;
}

interface WatchedSocket extends Socket {
  [sessionOf]?: MailSession | undefined;
}

const sessionOf = Symbol('session');

/** A mail client's conversation as the registry sees it. After the login it is all that is kept of it. */
export class MailSession implements Session, RelayOwner {
  readonly protocol: 'imap' | 'pop';
  readonly startedAtMs = Date.now();
  readonly id: string;
  clientAddress: string;
  user: string | null = null;
  server: string | null = null;
  stage: Stage = 'silent';
  /** Ends what is under way before the login; called once the conversation is to end. */
  cancel: (() => void) | null = null;
  /** The words to end it with where somebody has asked for others than the usual. */
  words: string | undefined;
  readonly #onOver: () => void;
  #socket: WatchedSocket;
  #endedBy: EndedBy | null = null;
  #relay: Relay | null = null;
  #log: RelayLog | null = null;
  #counts: ConnectionCounts | null = null;

  /** @param onOver called once, at `close` */
  constructor(protocol: 'imap' | 'pop', id: string, socket: Socket, onOver: () => void) {
    this.protocol = protocol;
    this.id = id;
    this.clientAddress = socket.remoteAddress ?? '';
    this.#socket = socket;
    this.#onOver = onOver;
    this.#watch();
  }

  /** Why the conversation is to end; null while it goes on. */
  get endedBy(): EndedBy | null {
    return this.#endedBy;
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** TLS has begun on the client's socket. */
  replaceSocket(secure: Socket): void {
    this.#unwatch();
    this.#socket = secure;
    this.#watch();
  }

  /** The connection is counted; `close` takes it out again. */
  countedIn(counts: ConnectionCounts): void {
    this.#counts = counts;
  }

  /** Whether this user may have one connection more, which is counted then and is the session's user. */
  admitUser(user: string, max: number): boolean {
    if (this.#counts?.enterUser(user, max) !== true) return false;
    this.user = user;
    return true;
  }

  /** Joins client and server until one of them ends; the conversation is over then. */
  carry(options: Omit<RelayOptions, 'client'>, log: RelayLog): void {
    this.#unwatch();
    this.cancel = null;
    this.stage = 'relaying';
    this.#log = log;
    this.#relay = new Relay({ ...options, client: this.#socket }, this);
    this.#relay.start();
  }

  relayEnded(relayed: Relayed): void {
    this.#log?.relayed(this.#endedBy ?? endedByOf(relayed.ended), relayed);
    this.close();
  }

  /** The client's socket has closed before a login. */
  clientGone(): void {
    this.#end('client');
  }

  drain(words?: string): void {
    this.words = words;
    switch (this.stage) {
      case 'silent':
        this.#end('draining');
        this.#socket.destroy();
        return;
      case 'talking':
        this.#end('draining');
        return;
      case 'relaying':
        this.#relay?.endWhenQuiet(goodbye(this.protocol, words));
        return;
      case 'over':
        return;
    }
  }

  destroy(): void {
    this.#end('destroyed');
    this.#relay?.abort('the conversation was ended');
    this.#socket.destroy();
  }

  /** Nothing is left to be done: the socket goes, and everybody who counts sessions is told. */
  close(): void {
    if (this.stage === 'over') return;
    this.#unwatch();
    this.#socket.destroy();
    this.stage = 'over';
    this.#counts?.leave(this.clientAddress);
    if (this.user !== null) this.#counts?.leaveUser(this.user);
    this.#onOver();
  }

  #end(by: EndedBy): void {
    if (this.#endedBy !== null) return;
    this.#endedBy = by;
    this.cancel?.();
  }

  #watch(): void {
    this.#socket[sessionOf] = this;
    this.#socket.on('close', onGone);
  }

  #unwatch(): void {
    this.#socket[sessionOf] = undefined;
    this.#socket.off('close', onGone);
  }
}

function onGone(this: WatchedSocket): void {
  this[sessionOf]?.clientGone();
}

function endedByOf(ended: Relayed['ended']): EndedBy {
  switch (ended) {
    case 'aborted':
      return 'destroyed';
    case 'drained':
      return 'draining';
    default:
      return ended;
  }
}
