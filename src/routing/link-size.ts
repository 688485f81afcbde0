import { formatSize } from '../topology/quantities.js';
import type { Reply, TraceStep } from './decision.js';
import { step } from './decision.js';
import { narrowLink, type SitePath } from './paths.js';

/** What is answered to a message that a link on the way does not take, and why; null when every link takes it. */
export function refusalByLink(
  path: SitePath | undefined,
  sizeBytes: number | null,
): { readonly reply: Reply; readonly why: TraceStep } | null {
  const narrow = path && sizeBytes !== null ? narrowLink(path, sizeBytes) : undefined;
  if (!narrow) return null;
  const limit = formatSize(narrow.maxMessageSize ?? 0);
  const text = `Message size exceeds the limit of a link on the way (${limit})`;
  return {
    reply: { code: 552, enhanced: '5.3.4', text },
    why: step('link-size', `link ${narrow.name} takes at most ${limit}`),
  };
}
