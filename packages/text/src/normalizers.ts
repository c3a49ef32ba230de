// Two normalizers that do exactly what the original library does, where @huggingface/tokenizers 0.2.0 only comes close: lower
// case letter by letter, and SentencePiece's own character map (in UL2 and T5). One difference remains: the original treats
// the control character U+0085 as white space.

/** What we use of the library's normalizers. */
export interface Normalizer {
  readonly config?: { readonly type?: string; readonly precompiled_charsmap?: string | null };
  /** The members of a sequence. */
  readonly normalizers?: readonly (Normalizer | null)[];
  normalize(text: string): string;
}

/** Puts our functions in place of the library's, inside sequences too. */
export function repair(normalizer: Normalizer | null): void {
  if (!normalizer) return;
  for (const inner of normalizer.normalizers ?? []) repair(inner);
  const map = normalizer.config?.precompiled_charsmap;
  if (normalizer.config?.type === 'Lowercase') normalizer.normalize = lowercase;
  if (normalizer.config?.type === 'Precompiled' && map) normalizer.normalize = precompiled(map);
}

/** Letter by letter: a sigma at the end of a word becomes the same letter as inside a word. */
function lowercase(text: string): string {
  return Array.from(text, (letter) => letter.toLowerCase()).join('');
}

/**
 * SentencePiece's map of characters: a trie (a double array, as darts-clone writes it) from UTF-8 to places in a list
 * of texts. As in the original library, a grapheme of up to five bytes is looked up by its shortest prefix that the
 * trie knows; any other text is looked up character by character.
 * @param base64 the trie's length in bytes as u32, the trie, and the texts, each ended by a zero byte
 */
function precompiled(base64: string): (text: string) => string {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const trieBytes = view.getUint32(0, true);
  const trie = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
  const texts = bytes.subarray(4 + trieBytes);
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' });

  const mapped = (key: Uint8Array): string | undefined => {
    const place = shortestPrefix(trie, key);
    return place === undefined ? undefined : decoder.decode(texts.subarray(place, texts.indexOf(0, place)));
  };
  return (text) => {
    let result = '';
    for (const { segment } of graphemes.segment(text)) {
      const whole = encoder.encode(segment);
      const known = whole.length < 6 ? mapped(whole) : undefined;
      if (known !== undefined) result += known;
      else for (const character of segment) result += mapped(encoder.encode(character)) ?? character;
    }
    return result;
  };
}

/** The value of the shortest prefix of a key that the trie holds. */
function shortestPrefix(trie: Uint32Array, key: Uint8Array): number | undefined {
  const next = (unit: number) => (unit >>> 10) << ((unit & 0x200) >>> 6);
  let node = next(trie[0] ?? 0);
  for (const byte of key) {
    if (byte === 0) return undefined;
    node ^= byte;
    const unit = trie[node] ?? 0;
    if ((unit & 0x800000ff) !== byte) return undefined;
    node ^= next(unit);
    if (unit & 0x100) return (trie[node] ?? 0) & 0x7fffffff;
  }
  return undefined;
}
