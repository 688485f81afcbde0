import { authorizationOf } from './http-users.mjs';

export const pollPath = '/Microsoft-Server-ActiveSync?Cmd=Ping&DeviceId=bench&DeviceType=bench';
export const uploadPath = '/ews/exchange.asmx';

const pollBody = 'x'.repeat(64);

/**
 * @param {string} path
 * @param {number} user
 */
export function getRequest(path, user) {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorizationOf(user)}\r\n\r\n`;
}

/** @param {number} user */
export function pollRequest(user) {
  return `${postHead(pollPath, user, pollBody.length)}${pollBody}`;
}

/**
 * @param {string} path
 * @param {number} user
 * @param {number} bytes
 */
export function postHead(path, user, bytes) {
  const lines = [
    `POST ${path} HTTP/1.1`,
    'Host: localhost',
    `Authorization: ${authorizationOf(user)}`,
    'Content-Type: application/octet-stream',
    `Content-Length: ${bytes}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}
