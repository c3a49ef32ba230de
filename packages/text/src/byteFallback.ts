// Byte fallback of Unigram models, which @huggingface/tokenizers 0.2.0 does not know: what no piece covers becomes the bytes of
// UTF-8, as pieces `<0xE2>`, where the vocabulary has them all. docs/tokenizers-byte-fallback.md has the same for the library.

/** What we use of the library's model. */
export interface Model {
  readonly config?: { readonly type?: string; readonly byte_fallback?: boolean };
  readonly tokens_to_ids?: ReadonlyMap<string, number>;
  /** Pieces of words; of what no piece covers, one character each. */
  encode(words: readonly string[]): string[];
}

/** Gives a Unigram model its byte fallback, if its file asks for it. */
export function repairByteFallback(model: Model): void {
  const { config, tokens_to_ids: ids } = model;
  if (config?.type !== 'Unigram' || config.byte_fallback !== true || ids === undefined) return;
  const encode = model.encode.bind(model);
  model.encode = (words) => words.flatMap((word) => withBytes(encode([word]), ids));
}

/** The pieces of a word, with each run of unknown ones as its bytes. */
function withBytes(pieces: readonly string[], ids: ReadonlyMap<string, number>): string[] {
  const found: string[] = [];
  let unknown = '';
  const flush = () => {
    const bytes = Array.from(new TextEncoder().encode(unknown), bytePiece);
    if (!ids.has(unknown) && bytes.every((piece) => ids.has(piece))) found.push(...bytes);
    else found.push(unknown);
    unknown = '';
  };
  for (const piece of pieces) {
    if (!ids.has(piece)) unknown += piece;
    else {
      if (unknown !== '') flush();
      found.push(piece);
    }
  }
  if (unknown !== '') flush();
  return found;
}

const bytePiece = (byte: number): string => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
