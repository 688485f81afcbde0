import type { Socket } from 'node:net';

/**
 * Makes an error of the socket harmless while nobody else listens: without a listener Node ends the whole process.
 * The error still reaches every other listener, and `close` follows it.
 */
export function keepErrorsHandled<S extends Socket>(socket: S): S {
  return socket.listeners('error').includes(ignore) ? socket : socket.on('error', ignore);
}

function ignore(): void {
  // `close` follows every `error`; whoever drives the socket learns of it there.
}
