const depthMax = 10;
const commandNames = /^(?:uid +)?[a-z]{1,20}/i;

/** An argument of a command. Texts of atoms hold one character per byte. */
export type ImapValue =
  | { readonly kind: 'atom'; readonly text: string }
  | { readonly kind: 'string'; readonly bytes: Buffer }
  | { readonly kind: 'list'; readonly items: readonly ImapValue[] };

export type ParsedCommand =
  /** `name` in upper case, `UID FETCH` for a command by UID. */
  | { readonly kind: 'command'; readonly tag: string; readonly name: string; readonly args: readonly ImapValue[] }
  /** `tag` is `*` when none could be read. */
  | { readonly kind: 'bad'; readonly tag: string; readonly reason: string };

/** Reads one command. `literals` are the bytes of the `{size}` marks in `text`, in order. */
export function parseImapCommand(text: string, literals: readonly Buffer[]): ParsedCommand {
  // RFC 9051 §9: tag = 1*<any ASTRING-CHAR except "+">
  const tag = /^[^\x00-\x20\x7f(){%*"\\+]{1,64}(?= )/.exec(text)?.[0];
  if (tag === undefined) return { kind: 'bad', tag: '*', reason: 'tag missing' };
  const rest = text.slice(tag.length + 1);
  const name = commandNames.exec(rest)?.[0];
  if (name === undefined) return { kind: 'bad', tag, reason: 'command missing' };
  const parser = new ValueParser(rest.slice(name.length), literals);
  const args = parser.parse();
  if (!args) return { kind: 'bad', tag, reason: 'syntax error in arguments' };
  return { kind: 'command', tag, name: name.toUpperCase().replace(/ +/, ' '), args };
}

/** The text of an atom or string, read as UTF-8; undefined for a list. */
export function textOf(value: ImapValue | undefined): string | undefined {
  if (value === undefined || value.kind === 'list') return undefined;
  return value.kind === 'string' ? value.bytes.toString('utf8') : value.text;
}

/** An atom in upper case; undefined for anything else. */
export function keywordOf(value: ImapValue | undefined): string | undefined {
  return value?.kind === 'atom' ? value.text.toUpperCase() : undefined;
}

class ValueParser {
  readonly #text: string;
  readonly #literals: readonly Buffer[];
  #position = 0;
  #literalIndex = 0;

  constructor(text: string, literals: readonly Buffer[]) {
    this.#text = text;
    this.#literals = literals;
  }

  /** The arguments, each after a space; undefined when they cannot be read. */
  parse(): ImapValue[] | undefined {
    if (this.#text.trim() === '') return [];
    return this.#take(' ') ? this.#values(0, undefined) : undefined;
  }

  #values(depth: number, close: ')' | undefined): ImapValue[] | undefined {
    const values: ImapValue[] = [];
    if (depth > depthMax) return undefined;
    for (;;) {
      this.#match(/ +/y);
      if (close && this.#take(close)) return values;
      if (this.#position === this.#text.length) return close ? undefined : values;
      const value = this.#value(depth);
      if (!value) return undefined;
      values.push(value);
    }
  }

  #value(depth: number): ImapValue | undefined {
    if (this.#take('(')) {
      const items = this.#values(depth + 1, ')');
      return items && { kind: 'list', items };
    }
    const quoted = this.#match(/"((?:[^"\\\r\n]|\\["\\])*)"/y);
    if (quoted) {
      const text = (quoted[1] ?? '').replace(/\\(.)/g, '$1');
      return { kind: 'string', bytes: Buffer.from(text, 'latin1') };
    }
    if (this.#match(/\{\d+\+?\}\r\n/y)) {
      const bytes = this.#literals[this.#literalIndex];
      this.#literalIndex += 1;
      return bytes && { kind: 'string', bytes };
    }
    // an atom may hold a section, whose brackets enclose spaces and lists: BODY[HEADER.FIELDS (From To)]<0.10>
    const atom = this.#match(/(?:[^\x00-\x20\x7f(){"[]|\[[^\r\n[\]]*\])+/y);
    return atom ? { kind: 'atom', text: atom[0] } : undefined;
  }

  #take(character: string): boolean {
    if (this.#text[this.#position] !== character) return false;
    this.#position += 1;
    return true;
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#position;
    const match = pattern.exec(this.#text);
    if (match) this.#position = pattern.lastIndex;
    return match ?? undefined;
  }
}
