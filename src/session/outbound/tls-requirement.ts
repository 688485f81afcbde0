import type { SmtpReply } from '../../protocols/smtp/replies.js';
import { step, type TraceStep } from '../../routing/decision.js';
import type { SendConnector } from '../../topology/catalogue/catalogue.js';
import type { StsPolicy } from './mta-sts.js';

/**
 * What TLS is demanded of a host that is to be handed mail.
 * `opportunistic`: STARTTLS when offered, no check, plain text after a failed handshake; `required`: TLS, no check;
 * `verified`: chain and name, `name` being what the certificate must be for; `refused`: the host may not be handed it.
 */
export type TlsRequirement =
  | { readonly kind: 'none' | 'opportunistic' | 'required'; readonly name: null; readonly trace: readonly TraceStep[] }
  | { readonly kind: 'verified'; readonly name: string; readonly trace: readonly TraceStep[] }
  | { readonly kind: 'refused'; readonly reply: SmtpReply; readonly trace: readonly TraceStep[] };

/** The fields of a send connector that have a say. */
export type TlsOfConnector = Pick<SendConnector, 'name' | 'tls' | 'implicitTls' | 'mtaSts' | 'smartHosts'>;

/**
 * What a connector, and the policy in force for the recipient domain (null: none), demand of one host.
 * `host` is the mail exchanger or smart host as it is named. A policy counts only where the connector routes by MX
 * and honours policies.
 */
export function tlsRequirement(connector: TlsOfConnector, host: string, policy: StsPolicy | null): TlsRequirement {
  const name = host.replace(/\.$/, '').toLowerCase();
  const own = ownRequirement(connector, name);
  if (policy === null || !heedsPolicies(connector)) return own;
  return policy.mode === 'enforce' ? enforced(connector, own, name, policy) : tested(own, name, policy);
}

/** RFC 8461 §2: policies are about hosts found by MX; and the administrator may have them left aside. */
export const heedsPolicies = ({ mtaSts, smartHosts }: Pick<TlsOfConnector, 'mtaSts' | 'smartHosts'>): boolean =>
  mtaSts && smartHosts.length === 0;

function ownRequirement({ tls, implicitTls }: TlsOfConnector, host: string): OwnRequirement {
  const own = (kind: 'none' | 'opportunistic' | 'required', detail: string): OwnRequirement => {
    return { kind, name: null, trace: [step('tls', `${tls}: ${detail}`)] };
  };
  const verified = (name: string): OwnRequirement => {
    return { kind: 'verified', name, trace: [step('tls', `${tls}: the certificate must be for ${name}`)] };
  };
  switch (tls) {
    case 'none':
    case 'opportunistic':
      // Nothing comes ahead of the handshake that could be gone back to.
      if (implicitTls) return own('required', 'TLS from the first byte, the certificate is not checked');
      if (tls === 'none') return own('none', 'plain text');
      return own('opportunistic', 'TLS when it is offered, the certificate is not checked');
    case 'encrypt':
      return own('required', 'TLS or nothing, the certificate is not checked');
    case 'verify':
      return verified(host);
    default:
      return verified(tls.startsWith('domain:') ? tls.slice('domain:'.length).toLowerCase() : host);
  }
}

type OwnRequirement = Exclude<TlsRequirement, { kind: 'refused' }>;

/** RFC 8461 §5: a listed exchanger and a certificate for its name, or no mail; a policy never takes anything away. */
function enforced(connector: TlsOfConnector, own: OwnRequirement, host: string, policy: StsPolicy): TlsRequirement {
  const words = `policy ${policy.id}, mode enforce:`;
  if (!policy.fits(host)) {
    const detail = `${words} ${host} is not listed and gets no mail`;
    return refused(own, detail, `The recipient domain's MTA-STS policy does not list ${host}; try again later`);
  }
  switch (own.kind) {
    case 'verified': {
      const trace = [...own.trace, step('mta-sts', `${words} ${host} is listed; the connector's own check stands`)];
      return { ...own, trace };
    }
    case 'opportunistic':
    case 'required': {
      const detail = `${words} ${host} is listed; the certificate must be for ${host}`;
      return { kind: 'verified', name: host, trace: [...own.trace, step('mta-sts', detail)] };
    }
    case 'none': {
      // Plain text is what the domain forbids. Whoever wants it says so with the field that is made for it.
      const wayOut = 'set mtaSts to false or tls to opportunistic';
      const detail = `${words} TLS is demanded and send connector "${connector.name}" has it off; ${wayOut}`;
      return refused(
        own,
        detail,
        `The recipient domain's MTA-STS policy demands TLS, which the send connector has off`,
      );
    }
  }
}

/** RFC 8461 §5: a policy in testing changes nothing but what is told. */
function tested(own: OwnRequirement, host: string, policy: StsPolicy): TlsRequirement {
  const listed = policy.fits(host) ? 'is listed' : 'is not listed and would get no mail under enforce';
  return { ...own, trace: [...own.trace, step('mta-sts', `policy ${policy.id}, mode testing: ${host} ${listed}`)] };
}

// RFC 8461 §5: never for good, as the policy may be about to change.
function refused(own: OwnRequirement, detail: string, text: string): TlsRequirement {
  const reply: SmtpReply = { code: 451, enhanced: '4.7.0', text };
  return { kind: 'refused', reply, trace: [...own.trace, step('mta-sts', detail)] };
}
