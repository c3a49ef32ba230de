// What a model's files of settings can be: wrong. Not here: weights (WeightsError).

/** A model's `config.json` or `tokenizer.json` is wrong. The message lists every key at fault, and what was expected. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}
