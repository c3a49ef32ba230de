// The `tokenizer.json` of a CLIP tokenizer that is saved the older way, as `vocab.json` and `merges.txt`: what the original library
// makes of these files.

import { ConfigError } from '@moviegen/tensor';

/**
 * @param vocabulary the parsed `vocab.json`
 * @param merges the text of `merges.txt`
 * @param config the parsed `tokenizer_config.json`, where there is one: it may name other special tokens
 * @throws ConfigError where these are not such files, or the vocabulary lacks a special token
 */
export function clipTokenizerJson(vocabulary: unknown, merges: string, config: unknown = {}): object {
  if (typeof vocabulary !== 'object' || vocabulary === null || Array.isArray(vocabulary))
    throw new ConfigError('tokenizer: vocab.json must hold an object of tokens and their ids');
  const vocab = vocabulary as Readonly<Record<string, number>>;
  const named = (key: string, fallback: string): string => {
    const value = (config as Readonly<Record<string, unknown>> | null)?.[key];
    const content = typeof value === 'object' && value !== null && 'content' in value ? value.content : value;
    return typeof content === 'string' ? content : fallback;
  };
  const [start, end] = [named('bos_token', '<|startoftext|>'), named('eos_token', '<|endoftext|>')];
  const idOf = (token: string): number => {
    const id = Object.hasOwn(vocab, token) ? vocab[token] : undefined;
    if (typeof id === 'number') return id;
    throw new ConfigError(`tokenizer: vocab.json lacks ${token}: expected the files of a CLIP tokenizer`);
  };
  const specials = [...new Set([start, end, named('pad_token', end)])];
  const special = (token: string) => ({ id: token, ids: [idOf(token)], tokens: [token] });
  const kinds = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return {
    added_tokens: specials.map((content) => ({ id: idOf(content), content, ...kinds })),
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'NFC' },
        { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
        { type: 'Lowercase' },
      ],
    },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: WORDS }, behavior: 'Removed', invert: true },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    post_processor: {
      type: 'TemplateProcessing',
      single: [
        { SpecialToken: { id: start, type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: end, type_id: 0 } },
      ],
      pair: [],
      special_tokens: { [start]: special(start), [end]: special(end) },
    },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      unk_token: named('unk_token', end),
      continuing_subword_prefix: null,
      end_of_word_suffix: '</w>',
      fuse_unk: false,
      vocab,
      merges: merges
        .split(/\r?\n/)
        .filter((line) => line !== '' && !line.startsWith('#version'))
        .map((line) => line.split(' ')),
    },
  };
}

/** What a word is. */
const WORDS = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";
