import { randomBytes } from 'node:crypto';
import type { ReceivedResponse } from '../protocols/sip/read-response.js';
import { firstCseq, writeOptions } from '../protocols/sip/write-request.js';
import type { Gateway } from '../topology/catalogue/catalogue.js';
import { domainKey } from '../topology/mail-address.js';
import { canonicalAddress, isAddress } from '../topology/ranges.js';

/** Any final response is an answer (RFC 3261 §11.2); `reason` says why there was none. */
export type GatewayAnswer =
  | { readonly kind: 'answered'; readonly code: number }
  | { readonly kind: 'silent'; readonly reason: string };

/** An OPTIONS, and what answers it. */
export interface OptionsQuestion {
  /** The request as it is sent from a port of ours. */
  requestFrom(ownPort: number): Buffer;
  /** What a response is to it. */
  judge(response: ReceivedResponse): 'foreign' | 'provisional' | 'final';
}

/** Of a front end whose name is no host name; the answer comes by `rport` and needs none (RFC 3323 §4.1.1.3). */
const nobodysHost = 'anonymous.invalid';

/** A new question to a gateway. `ownHost`: the front end's name or address. */
export function newOptionsQuestion(
  { address, port, transport }: Pick<Gateway, 'address' | 'port' | 'transport'>,
  ownHost: string,
): OptionsQuestion {
  const callId = randomToken();
  const request = {
    transport,
    host: domainKey(address) ?? canonicalAddress(address),
    port,
    ownHost: isAddress(ownHost) ? canonicalAddress(ownHost) : (domainKey(ownHost) ?? nobodysHost),
    branch: randomToken(),
    fromTag: randomToken(),
    callId,
  };
  return {
    requestFrom: (ownPort) => writeOptions({ ...request, ownPort }),
    judge(response) {
      const { number, method } = response.cseq;
      if (response.callId !== callId || number !== firstCseq || method !== 'OPTIONS') return 'foreign';
      return response.code < 200 ? 'provisional' : 'final';
    },
  };
}

const randomToken = (): string => randomBytes(16).toString('hex');
