// Two normalizers done as the original library does them, where @huggingface/tokenizers 0.2.0 comes close only:
// lower case letter by letter, and SentencePiece's own character map (UL2's, T5's). One difference stays: the control
// character U+0085 is white space to the original.

/** What is used of the library's normalizers. */
export interface Normalizer {
  readonly config?: { readonly type?: string; readonly precompiled_charsmap?: string | null };
  /** Of a sequence. */
  readonly normalizers?: readonly (Normalizer | null)[];
  normalize(text: string): string;
}

/** Puts ours in place of the library's, inside sequences too. */
export function repair(normalizer: Normalizer | null): void {
  if (!normalizer) return;
  for (const inner of normalizer.normalizers ?? []) repair(inner);
  const map = normalizer.config?.precompiled_charsmap;
  if (normalizer.config?.type === 'Lowercase') normalizer.normalize = lowercase;
  if (normalizer.config?.type === 'Precompiled' && map) normalizer.normalize = precompiled(map);
}

/** Letter by letter: a sigma at the end of a word becomes no other letter than one inside. */
function lowercase(text: string): string {
  return Array.from(text, (letter) => letter.toLowerCase()).join('');
}

/**
 * SentencePiece's map of characters: a trie (a double array, as darts-clone writes it) from UTF-8 to places in a list
 * of texts. Like the original library it takes a grapheme of up to five bytes by the shortest of its beginnings that
 * the trie knows, else character by character.
 * @param base64 u32 bytes of the trie, the trie, texts that end in a zero byte
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

/** The value of the shortest beginning of a key that the trie holds. */
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
