import { connect } from 'node:net';
import { getRequest, postHead, uploadPath } from './http-client-requests.mjs';
import { downloadBytes, downloadPath } from './http-nginx.mjs';
import { sinkUser } from './http-users.mjs';

const block = Buffer.alloc(256 * 1024, 'a body ');

/**
 * Reads 1 GB, each piece into the same memory.
 * @param {{port: number}} options
 * @returns {Promise<import('./harness.mjs').Load>} the operations are megabytes
 */
export function download({ port }) {
  return transfer(port, (socket, settle) => {
    let head = '';
    let left = Infinity;
    socket.write(getRequest(downloadPath, 0));
    return (piece, length) => {
      if (left === Infinity) {
        head += piece.toString('latin1', 0, length);
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        if (!isWanted(head.slice(0, end))) return settle(new Error(`not 1 GB but ${head.slice(0, end)}`));
        left = downloadBytes - (head.length - end - 4);
      } else {
        left -= length;
      }
      if (left <= 0) settle(left === 0 ? undefined : new Error('more than 1 GB came'));
    };
  });
}

/** @param {string} head */
function isWanted(head) {
  return head.startsWith('HTTP/1.1 200 ') && new RegExp(`^content-length: *${downloadBytes}$`, 'im').test(head);
}

/**
 * Sends 1 GB to the server that counts it.
 * @param {{port: number}} options
 * @returns {Promise<import('./harness.mjs').Load>} the operations are megabytes
 */
export function upload({ port }) {
  return transfer(port, (socket, settle) => {
    let left = downloadBytes;
    const pump = () => {
      while (left > 0) {
        const piece = left < block.length ? block.subarray(0, left) : block;
        left -= piece.length;
        if (!socket.write(piece)) return void socket.once('drain', pump);
      }
    };
    socket.write(postHead(uploadPath, sinkUser(0), downloadBytes));
    pump();
    let answer = '';
    return (piece, length) => {
      answer += piece.toString('latin1', 0, length);
      const [head = '', count] = answer.split('\r\n\r\n');
      if (count === undefined) return;
      if (count.length < String(downloadBytes).length && head.startsWith('HTTP/1.1 200 ')) return;
      const isCounted = left === 0 && Number(count) === downloadBytes;
      settle(isCounted ? undefined : new Error(`the server answers ${answer} with ${left} bytes not sent`));
    };
  });
}

/**
 * @param {number} port
 * @param {(socket: import('node:net').Socket, settle: (error?: Error) => void)
 *   => (piece: Buffer, length: number) => void} begin what takes the pieces that come
 * @returns {Promise<import('./harness.mjs').Load>}
 */
function transfer(port, begin) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const settle = (/** @type {Error | undefined} */ error) => {
      socket.off('close', onClose).destroy();
      if (error !== undefined) return reject(new Error(`port ${port}: ${error.message}`));
      resolve({ operations: downloadBytes / 1024 ** 2, seconds: (performance.now() - start) / 1000 });
    };
    const onClose = () => settle(new Error('closed in the middle of a body'));
    /** @type {(piece: Buffer, length: number) => void} */
    let take = () => undefined;
    const callback = (/** @type {number} */ length, /** @type {Uint8Array} */ piece) => {
      take(/** @type {Buffer} */ (piece), length);
      return true;
    };
    const socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: { buffer: Buffer.allocUnsafe(block.length), callback },
    });
    socket.once('error', settle).on('close', onClose);
    socket.setTimeout(30_000, () => settle(new Error('silent for 30 s')));
    take = begin(socket, settle);
  });
}
