// Wan's text: prompts cleaned and tokenized as in `tokens.json`, and umT5 on the texts of `text.safetensors`, layer by layer and
// with the relative bias of every layer.

import { type Device, scope } from '@moviegen/tensor';
import { cleanPrompt, parseT5Config, T5Encoder, Tokenizer } from '@moviegen/text';
import type { ParityReport } from '../parity.ts';
import { valuesOf } from '../parity.ts';
import { neededJson, readCase, readJson, readWeights, type WanFixtureFiles } from './files.ts';
import { fittedStates, maskedTexts, Rows } from './rows.ts';

interface TokenCase {
  readonly text: string;
  readonly cleaned: string;
  readonly ids: readonly number[];
}

/** UTF-8 read as Latin-1 or Windows-1252, which ftfy repairs and we do not: two such letters in a row. */
const MOJIBAKE = /[\u00c2-\u00f4][\u0080-\u00bf\u0152-\u0192\u02c6-\u02dc\u2013-\u203a\u20ac\u2122]/;

/** Tokens at most. */
const LENGTH = 512;

/** Cleaning and ids of every text of `expected/tokens.json`. */
export async function checkTokens(files: WanFixtureFiles, folder: string): Promise<ParityReport> {
  const { cases } = await neededJson<{ cases: readonly TokenCase[] }>(
    files,
    `${folder}/expected/tokens.json`,
  );
  const json = (name: string) => readJson(files, `${folder}/tokenizer/${name}`);
  const tokenizer = new Tokenizer(await json('tokenizer.json'), await json('tokenizer_config.json'));
  const rows = new Rows(0);
  const uncleaned: string[] = [];
  for (const { text, cleaned, ids } of cases) {
    const label = JSON.stringify(text.slice(0, 40));
    const repaired = MOJIBAKE.test(text);
    if (repaired) uncleaned.push(label);
    const ours = repaired ? cleaned : cleanPrompt(text);
    if (ours === cleaned) rows.exact(label, tokenizer.encode(ours, LENGTH), ids);
    else rows.fail(label, `it is cleaned to ${JSON.stringify(ours)}, expected ${JSON.stringify(cleaned)}`);
  }
  return rows.report(folder, 'tokens', uncleaned);
}

/** umT5 on `expected/text.safetensors`. */
export async function checkText(
  device: Device,
  files: WanFixtureFiles,
  folder: string,
  bound: number,
): Promise<ParityReport> {
  const config = parseT5Config(await neededJson(files, `${folder}/text_encoder/config.json`));
  const given = await readCase(files, `${folder}/expected/text`);
  const source = await readWeights(files, `${folder}/text_encoder`);
  const rows = new Rows(bound);
  const found = new Set<string>();
  try {
    const model = await T5Encoder.load(device, source, config);
    try {
      const texts = maskedTexts(given);
      const lengths = texts.map(({ length }) => length);
      const seen: { name: string; values: ReturnType<typeof valuesOf> }[] = [];
      const see = (name: string, value: Parameters<typeof valuesOf>[0]) => {
        if (given.order.includes(name)) seen.push({ name, values: valuesOf(value) });
      };
      scope(device, () => {
        const { states } = model.forward(texts, { trace: see });
        see('output', states);
        see('output.zeroed', states);
      });
      for (const { name, values } of seen) {
        const { got, wanted } = fittedStates(await values, given.values(name), lengths);
        rows.add(name, got, wanted);
        found.add(name);
      }
      await addBiases(model, given, rows, found);
    } finally {
      model.dispose();
    }
  } finally {
    await source.close();
  }
  const unreported = given.order.filter((name) => !name.startsWith('input.') && !found.has(name));
  return rows.report(folder, 'text', unreported);
}

/** `bias.LAYER.row0` and `bias.LAYER.rowLast`, [heads, L]: what the first and the last query add to each key. */
async function addBiases(
  model: T5Encoder,
  given: Awaited<ReturnType<typeof readCase>>,
  rows: Rows,
  found: Set<string>,
): Promise<void> {
  const names = given.order.filter((name) => /^bias\.\d+\.row(0|Last)$/.test(name));
  if (names.length === 0) return;
  const L = given.values(names[0]!).shape[1]!;
  const biases = new Map<string, ReturnType<typeof valuesOf>>();
  const see = (name: string, value: Parameters<typeof valuesOf>[0]) => {
    const layer = /block\.(\d+)\..*position_bias$/.exec(name)?.[1];
    if (layer !== undefined) biases.set(layer, valuesOf(value));
  };
  scope(model.device, () => void model.forward([new Array<number>(L).fill(0)], { trace: see }));
  for (const name of names) {
    const [, layer = '', row] = /^bias\.(\d+)\.row(\w+)$/.exec(name)!;
    const bias = await biases.get(layer); // [heads, L, L], or one more axis of 1 before
    if (bias === undefined) continue;
    const from = row === '0' ? 0 : L - 1;
    const { shape } = given.values(name);
    const data = Float32Array.from(
      { length: shape[0]! * L },
      (_, i) => bias.data[(Math.floor(i / L) * L + from) * L + (i % L)]!,
    );
    rows.add(name, { shape, data }, given.values(name));
    found.add(name);
  }
}
