// In the page: the models on the page's device against reference tensors, and the tokenizers.

import { Device } from '@moviegen/tensor';
import { byt5Ids, promptTexts, Tokenizer } from '@moviegen/text';
import { parityLoaders } from '../../../packages/moviegen/src/parity/models.ts';
import {
  checkParityCase,
  describeReport,
  type Fixture,
  type FixtureFiles,
  openFixture,
  type ParityModel,
} from '../../../packages/moviegen/src/parity/parity.ts';

const device = await Device.create({ label: 'fixtures' });
let current: { readonly fixture: Fixture; readonly model: ParityModel } | undefined;

const files: FixtureFiles = {
  folders: async () => [],
  async read(path) {
    const response = await fetch(`/fixtures/${path}`);
    if (!response.ok) throw new Error(`no ${path}: ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  },
};

/** Loads a fixture's model in the place of the previous one. */
export async function load(folder: string): Promise<void> {
  current?.model.dispose();
  device.trim();
  const fixture = await openFixture(files, folder);
  const make = parityLoaders[fixture.model];
  if (!make) throw new Error(`${folder}: no loader for ${fixture.model}`);
  current = { fixture, model: await make(device, fixture) };
}

/** Checks a case of the loaded fixture. @returns how many tensors were compared, and the first that differs */
export async function check(name: string): Promise<{ compared: number; first: string | undefined }> {
  const report = await checkParityCase(current!.model, current!.fixture, name);
  return { compared: report.compared, first: report.first && describeReport(report) };
}

/** Token ids of texts by the tokenizer of a file, complete and cut at `limit`. */
export async function tokenize(file: string, texts: readonly string[], limit: number): Promise<number[][][]> {
  const tokenizer = new Tokenizer(JSON.parse(new TextDecoder().decode(await files.read(file))));
  return texts.map((text) => [tokenizer.encode(text), tokenizer.encode(text, limit)]);
}

/** Token ids by the byte-level tokenizer, complete and cut at `limit`. */
export const bytes = (texts: readonly string[], limit: number): number[][][] =>
  texts.map((text) => [byt5Ids(text), byt5Ids(text, limit)]);

/** The part of a prompt that each encoder sees. */
export const seen = (prompt: string, fps: number, stripQuoted: boolean) =>
  promptTexts(prompt, { fps, stripQuoted });
