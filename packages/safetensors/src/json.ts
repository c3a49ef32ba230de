// A strict JSON parser for headers and indexes. Objects become Maps (so that no key can touch a prototype), a repeated
// key is an error, and integers keep all their digits. It also refuses what serde_json refuses: lone surrogates,
// numbers out of the range of a double, more than 128 levels. It is not a general JSON library.

/** A JSON value. Integers are bigint; a number with a fraction, an exponent or too many digits is a number. */
export type Json = null | boolean | number | bigint | string | Json[] | JsonObject;
export type JsonObject = Map<string, Json>;

/** Says what is wrong with a JSON text, and at which character. */
export class JsonError extends Error {}

const MAX_DEPTH = 128;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const WHITESPACE = /[ \t\n\r]*/y;
// A run of plain characters inside a string: no quote, backslash or control character.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what JSON forbids here
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/**
 * Parses one JSON text.
 * @throws JsonError
 */
export function parseJson(text: string): Json {
  const parser = new Parser(text);
  const value = parser.value(0);
  parser.end();
  return value;
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): Json {
    if (depth >= MAX_DEPTH) throw this.#error(`more than ${MAX_DEPTH} levels`);
    this.#space();
    const c = this.#text[this.#at];
    if (c === '{') return this.#object(depth);
    if (c === '[') return this.#array(depth);
    if (c === '"') return this.#string();
    if (c === 't') return this.#word('true', true);
    if (c === 'f') return this.#word('false', false);
    if (c === 'n') return this.#word('null', null);
    if (c === '-' || (c !== undefined && c >= '0' && c <= '9')) return this.#number();
    throw this.#error('a value is missing');
  }

  end(): void {
    this.#space();
    if (this.#at < this.#text.length) throw this.#error('text after the end of the value');
  }

  #object(depth: number): JsonObject {
    const members: JsonObject = new Map();
    this.#at++;
    if (this.#closes('}')) return members;
    for (;;) {
      this.#space();
      if (this.#text[this.#at] !== '"') throw this.#error('a key is missing');
      const start = this.#at;
      const key = this.#string();
      if (members.has(key)) {
        this.#at = start;
        throw this.#error(`the key ${JSON.stringify(key.slice(0, 100))} appears twice`);
      }
      this.#space();
      if (this.#text[this.#at] !== ':') throw this.#error("':' is missing");
      this.#at++;
      members.set(key, this.value(depth + 1));
      if (this.#closes('}')) return members;
      this.#comma();
    }
  }

  #array(depth: number): Json[] {
    const items: Json[] = [];
    this.#at++;
    if (this.#closes(']')) return items;
    for (;;) {
      items.push(this.value(depth + 1));
      if (this.#closes(']')) return items;
      this.#comma();
    }
  }

  #string(): string {
    this.#at++;
    let result = this.#match(PLAIN);
    for (;;) {
      const c = this.#text[this.#at];
      if (c === '"') {
        this.#at++;
        return result;
      }
      if (c !== '\\')
        throw this.#error(c === undefined ? 'a string has no end' : 'a control character in a string');
      result += this.#escape() + this.#match(PLAIN);
    }
  }

  #escape(): string {
    const c = this.#text[this.#at + 1] ?? '';
    const simple = ESCAPES[c];
    if (simple !== undefined && c !== '') {
      this.#at += 2;
      return simple;
    }
    if (c !== 'u') throw this.#error('an unknown escape in a string');
    const high = this.#hex();
    if (high < 0xd800 || high > 0xdfff) return String.fromCharCode(high);
    if (high > 0xdbff || this.#text[this.#at] !== '\\' || this.#text[this.#at + 1] !== 'u') {
      throw this.#error('half a surrogate pair in a string');
    }
    const low = this.#hex();
    if (low < 0xdc00 || low > 0xdfff) throw this.#error('half a surrogate pair in a string');
    return String.fromCharCode(high, low);
  }

  #hex(): number {
    const digits = this.#text.slice(this.#at + 2, this.#at + 6);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.#error('an unknown escape in a string');
    this.#at += 6;
    return Number.parseInt(digits, 16);
  }

  #number(): number | bigint {
    const start = this.#at;
    NUMBER.lastIndex = start;
    const found = NUMBER.exec(this.#text);
    const next = found ? this.#text[start + found[0].length] : undefined;
    if (!found || (next !== undefined && /[0-9.eE+-]/.test(next))) throw this.#error('not a number');
    this.#at += found[0].length;
    // 20 digits hold every 64-bit integer; a longer one is out of range anyway, and BigInt() would be slow for it.
    const whole = found[1] === undefined && found[2] === undefined && found[0] !== '-0';
    if (whole && found[0].length <= 20) return BigInt(found[0]);
    const value = Number(found[0]);
    if (!Number.isFinite(value)) throw this.#error('a number out of range');
    return value;
  }

  #word<T extends Json>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#error('a value is missing');
    this.#at += word.length;
    return value;
  }

  #closes(bracket: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== bracket) return false;
    this.#at++;
    return true;
  }

  #comma(): void {
    if (this.#text[this.#at] !== ',') {
      throw this.#error(this.#at >= this.#text.length ? 'the text ends early' : "',' is missing");
    }
    this.#at++;
  }

  #space(): void {
    this.#match(WHITESPACE);
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #error(what: string): JsonError {
    return new JsonError(`${what} (character ${this.#at})`);
  }
}
