import { pieceSource, readPieces } from '../admin/read-pieces.js';

/** The whole of a file, or of standard input for `-`, and what errors call it. */
export function readInput(file: string): { text: string; fileName: string } {
  return { text: [...readPieces(file)].join(''), fileName: pieceSource(file) };
}
