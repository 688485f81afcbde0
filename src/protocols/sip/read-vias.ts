import { trimmed } from './scan-address.js';
import { scanParameter } from './scan-parameter.js';
import type { SipVia } from './sip-message.js';

// RFC 3261 §20.42 and §25.1: LWS may stand around the slashes and the colon; any version, transport and host name.
const sentBy =
  /[ \t]*[A-Za-z0-9.!%*_+`'~-]+[ \t]*\/[ \t]*[A-Za-z0-9.!%*_+`'~-]+[ \t]*\/[ \t]*([A-Za-z0-9.!%*_+`'~-]+)[ \t]+(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)[ \t]*(?::[ \t]*(\d{1,5})[ \t]*)?/y;

/** Where the parameters of a Via value begin; -1 when it is none. */
export function viaParametersAt(text: string): number {
  sentBy.lastIndex = 0;
  return sentBy.test(text) ? sentBy.lastIndex : -1;
}

/**
 * Adds the values of a Via field to those before. Returns what is wrong with them, or null; of a malformed value that
 * has a sent-by the well-formed part is added, so that the topmost can be answered.
 */
export function readVias(field: string, vias: SipVia[]): string | null {
  let at = 0;
  for (;;) {
    sentBy.lastIndex = at;
    const found = sentBy.exec(field);
    if (found === null) return 'Via is malformed';
    const start = at;
    at = sentBy.lastIndex;
    const [, transport = '', host = '', portText] = found;
    let branch: string | null = null;
    let hasRport = false;
    let wantsRport = false;
    let fault = portText !== undefined && Number(portText) > 65_535 ? 'a Via port is too large' : null;
    while (field[at] === ';') {
      const parameter = scanParameter(field, at);
      if (parameter === null) break;
      if (parameter.name === 'branch') {
        if (branch !== null) fault ??= 'Via has two branches';
        branch ??= parameter.value ?? '';
      } else if (parameter.name === 'rport') {
        if (hasRport) fault ??= 'Via has rport twice';
        hasRport = true;
        wantsRport ||= parameter.value === null;
      }
      at = parameter.end;
    }
    if (branch === '') fault ??= 'the Via branch is empty';
    const port = portText === undefined || fault === 'a Via port is too large' ? null : Number(portText);
    const text = trimmed(field, start, at);
    vias.push({ transport: transport.toUpperCase(), host, port, branch, wantsRport, text });
    if (fault !== null) return fault;
    if (at === field.length) return null;
    if (field[at] !== ',') return 'Via is malformed';
    at += 1;
  }
}
