import type { Socket } from 'node:net';
import { chunkText } from '../../protocols/http/head-writer.js';

const smallPiece = 16_384;

/** Writes one chunk, small ones in one piece with their frame; false when the socket has enough for now. */
export function writeChunk(socket: Socket, piece: Buffer): boolean {
  // RFC 9112 §7.1: an empty chunk would be the last one.
  if (piece.length === 0) return !socket.writableNeedDrain;
  const size = chunkText(piece.length);
  if (piece.length <= smallPiece) {
    const framed = Buffer.allocUnsafe(size.length + piece.length + 2);
    framed.write(size, 0, 'latin1');
    piece.copy(framed, size.length);
    framed.write('\r\n', size.length + piece.length, 'latin1');
    return socket.write(framed);
  }
  socket.cork();
  socket.write(size, 'latin1');
  socket.write(piece);
  const isOpen = socket.write('\r\n', 'latin1');
  socket.uncork();
  return isOpen;
}
