/** What XCLIENT tells a server of our client (Postfix, XCLIENT_README); null: not known. */
export interface XclientAttributes {
  readonly name: string | null;
  readonly address: string | null;
  readonly port: number | null;
  readonly protocol: 'SMTP' | 'ESMTP' | null;
  readonly helo: string | null;
  /** The user who logged in at our door. */
  readonly login: string | null;
  readonly destinationAddress: string | null;
  readonly destinationPort: number | null;
}

// Postfix takes 255 characters a value; eight of them stay below 1000 octets, and it forgets all at the next command.
const valueLengthMax = 255;
const unavailable = '[UNAVAILABLE]';

/** XCLIENT with those attributes that the server offers (upper case), CRLF included; null when it offers none. */
export function xclientCommand(offered: readonly string[], attributes: XclientAttributes): string | null {
  const values: Readonly<Record<string, string>> = {
    NAME: xtext(attributes.name),
    ADDR: xtext(addressValue(attributes.address)),
    PORT: xtext(portValue(attributes.port)),
    PROTO: xtext(attributes.protocol),
    HELO: xtext(attributes.helo),
    LOGIN: xtext(attributes.login),
    DESTADDR: xtext(addressValue(attributes.destinationAddress)),
    DESTPORT: xtext(portValue(attributes.destinationPort)),
  };
  const words = Object.entries(values).flatMap(([name, value]) => (offered.includes(name) ? [`${name}=${value}`] : []));
  return words.length === 0 ? null : `XCLIENT ${words.join(' ')}\r\n`;
}

// RFC 3461 §4: printable ASCII but "+" and "=", all other octets as "+" and two hexadecimal digits.
function xtext(value: string | null): string {
  if (value === null || value === '') return unavailable;
  const plain = /^[!-*,-<>-~]*$/.test(value);
  const text = plain ? value : Array.from(Buffer.from(value, 'utf8'), encodedOctet).join('');
  return text.length > valueLengthMax ? unavailable : text;
}

function encodedOctet(octet: number): string {
  const isPlain = octet > 32 && octet < 127 && octet !== 43 && octet !== 61;
  return isPlain ? String.fromCharCode(octet) : `+${octet.toString(16).toUpperCase().padStart(2, '0')}`;
}

function addressValue(address: string | null): string | null {
  if (address === null || !/^[\da-f.:]+$/i.test(address)) return null;
  return address.includes(':') ? `IPV6:${address}` : address;
}

const portValue = (port: number | null): string | null => (port === null || port <= 0 ? null : String(port));
