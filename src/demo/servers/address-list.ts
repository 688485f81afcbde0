/** An address of a header field; texts hold one character per byte, encoded words stand as they were. */
export interface HeaderAddress {
  readonly name: string | undefined;
  readonly mailbox: string;
  readonly host: string;
}

const addressesMax = 200;
const valueCharactersMax = 20_000;
// an unclosed quote or comment runs to the end, so that no text is read twice
const tokenPattern = /"((?:[^"\\]|\\.?)*)(?:"|$)|\(((?:[^()\\]|\\.?)*)(?:\)|$)|([<>,;:@])|([^\s"(<>,;:@]+)|\s+|./gs;

interface Draft {
  words: string[];
  route: string[] | undefined;
  comment: string | undefined;
}

/** The addresses of a `From`, `To` or like field, at most 200; groups give their members. */
export function readAddressList(value: string): HeaderAddress[] {
  const addresses: HeaderAddress[] = [];
  let draft = emptyDraft();
  const finish = (): void => {
    const address = addressOf(draft);
    if (address) addresses.push(address);
    draft = emptyDraft();
  };
  for (const [, quoted, comment, mark, word] of value.slice(0, valueCharactersMax).matchAll(tokenPattern)) {
    if (addresses.length === addressesMax) return addresses;
    if (comment !== undefined) draft.comment = unescaped(comment);
    else if (mark === ',' || mark === ';') finish();
    else if (mark === ':' && !draft.route) draft = emptyDraft();
    else if (mark === '<') draft.route = [];
    else if (mark === '@') (draft.route ?? draft.words).push('@');
    else if (quoted !== undefined) (draft.route ?? draft.words).push(unescaped(quoted));
    else if (word !== undefined) (draft.route ?? draft.words).push(word);
  }
  finish();
  return addresses;
}

function addressOf(draft: Draft): HeaderAddress | undefined {
  const parts = draft.route ?? draft.words;
  const at = parts.lastIndexOf('@');
  if (at < 0 && parts.length === 0) return undefined;
  const phrase = draft.route ? draft.words.join(' ') : '';
  return {
    name: phrase || draft.comment,
    mailbox: (at < 0 ? parts : parts.slice(0, at)).join(''),
    host: at < 0 ? '' : parts.slice(at + 1).join(''),
  };
}

function emptyDraft(): Draft {
  return { words: [], route: undefined, comment: undefined };
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/gs, '$1');
}
