// The error of a wrong settings file of a model. Not here: the error of wrong weights (WeightsError in weights/source.ts).

/** A model's `config.json` or `tokenizer.json` is wrong. The message lists every wrong key and what was expected. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}
