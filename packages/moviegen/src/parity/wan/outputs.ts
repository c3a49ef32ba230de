// Outputs of models out of the files that people have: `expected.json` names the cases whose inputs they are given, and
// `expected.safetensors` holds what the original libraries give. LoRAs: `FILE@WEIGHT`. Other layouts: `FOLDER.transformer`,
// `FOLDER.text`, `FOLDER.vae.mean`, `FOLDER.vae.video`, of whichever file in that folder is that model.

import { Safetensors, type TensorSource } from '@moviegen/safetensors';
import { type Device, type Lora, scaledSource, scope, type WeightSource } from '@moviegen/tensor';
import { parseT5Config, T5Encoder, t5Source } from '@moviegen/text';
import {
  autoencoderSource,
  parseAutoencoderConfig,
  parseTransformerConfig,
  transformerSource,
  WanAutoencoder,
  WanTransformer,
} from '@moviegen/wan';
import { identifyWeights, type WeightsKind } from '../../checkpoint/identify.ts';
import { upload } from '../dit.ts';
import { type ParityReport, valuesOf } from '../parity.ts';
import { nameOf, neededJson, readCase, readWeights, type WanFixtureFiles } from './files.ts';
import { fittedStates, maskedTexts, Rows } from './rows.ts';
import { openWanTransformer, ParityWanTransformer } from './transformer.ts';

/** Paths of cases below the root. */
interface Told {
  /** Of LoRAs: the transformer's case. */
  readonly case?: string;
  readonly transformer?: string;
  readonly text?: string;
  readonly vae?: string;
}

/** `t2v/expected/NAME.safetensors` to `t2v`. */
const folderOf = (path: string): string => path.replace(/\/expected\/[^/]*$/, '');

/** Every tensor of a folder's `expected.safetensors`. */
export async function* checkOutputs(
  device: Device,
  files: WanFixtureFiles,
  folder: string,
  bound: number,
): AsyncGenerator<ParityReport> {
  const told = await neededJson<Told>(files, `${folder}/expected.json`);
  const expected = await readCase(files, `${folder}/expected`);
  for (const name of expected.order) {
    const rows = new Rows(bound);
    const [file, weight] = name.split('@');
    if (told.case !== undefined && weight !== undefined) {
      const source = await open(files, `${folder}/${file}.safetensors`);
      const loras = [{ source, weight: Number(weight), label: file! }];
      const own = await readWeights(files, `${folderOf(told.case)}/transformer`);
      rows.add(name, await transformerOutput(device, files, told.case, own, loras), expected.values(name));
      await own.close();
    } else {
      const [place = '', kind = '', output] = name.split('.');
      const from = told[kind as 'transformer'];
      const found = kindOf[kind];
      if (from === undefined || found === undefined)
        rows.fail(name, 'expected.json does not say of which case this is');
      else {
        const source = await fileOf(files, `${folder}/${place}`, found);
        if (source === undefined) rows.fail(name, `${folder}/${place} has no file of this model`);
        else await add(device, files, { rows, name, from, source, output, expected: expected.values(name) });
      }
    }
    yield await rows.report(folder, name);
  }
}

const kindOf: Readonly<Record<string, WeightsKind>> = {
  transformer: 'wan-transformer',
  text: 'umt5',
  vae: 'wan-autoencoder',
};

const open = async (files: WanFixtureFiles, path: string): Promise<TensorSource> =>
  Safetensors.open(await files.read(path));

/** The file of a folder that holds a model. */
async function fileOf(files: WanFixtureFiles, folder: string, kind: WeightsKind) {
  for (const name of (await files.list(folder)).filter((one) => one.endsWith('.safetensors')).sort()) {
    const source = await open(files, `${folder}/${name}`);
    if (identifyWeights(source)?.kind === kind) return source;
  }
  return undefined;
}

interface Output {
  readonly rows: Rows;
  readonly name: string;
  /** The case's path. */
  readonly from: string;
  readonly source: TensorSource;
  /** Of an autoencoder. */
  readonly output: string | undefined;
  readonly expected: ReturnType<Awaited<ReturnType<typeof readCase>>['values']>;
}

async function add(
  device: Device,
  files: WanFixtureFiles,
  { rows, name, from, source, output, expected }: Output,
): Promise<void> {
  const config = (part: string) => neededJson(files, `${folderOf(from)}/${part}/config.json`);
  const kind = identifyWeights(source)?.kind;
  if (kind === 'wan-transformer') {
    const scaled = transformerSource(await scaledSource(source));
    rows.add(name, await transformerOutput(device, files, from, scaled), expected);
    return;
  }
  const given = await readCase(files, from.replace(/\.safetensors$/, ''));
  if (kind === 'umt5') {
    const scaled = t5Source(await scaledSource(source));
    const model = await T5Encoder.load(device, scaled, parseT5Config(await config('text_encoder')));
    const texts = maskedTexts(given);
    const lengths = texts.map(({ length }) => length);
    const { states } = model.forward(texts);
    const { got, wanted } = fittedStates(await valuesOf(states), expected, lengths);
    rows.add(name, got, wanted);
    for (const used of [states, model]) used.dispose();
    return;
  }
  const own = parseAutoencoderConfig(await config('vae'));
  const model = await WanAutoencoder.load(device, autoencoderSource(source), own);
  scope(device, () => {
    const made =
      output === 'mean'
        ? model.encode(upload(device, given.values('input.x'))).mean
        : model.decode(model.normalize(upload(device, given.values('input.z'))));
    rows.add(name, made, expected);
  });
  model.dispose();
}

/** The transformer's output for a case's inputs. */
async function transformerOutput(
  device: Device,
  files: WanFixtureFiles,
  path: string,
  source: WeightSource,
  loras: readonly Lora[] = [],
) {
  const fixture = await openWanTransformer(files, folderOf(path));
  const config = parseTransformerConfig(fixture.config);
  const model = new ParityWanTransformer(
    device,
    await WanTransformer.load(device, source, config, { loras }),
  );
  let output: ReturnType<typeof valuesOf> | undefined;
  try {
    await model.run(await fixture.open(nameOf(path)), (name, value) => {
      if (name === 'output') output = valuesOf(value);
    });
    return await output!;
  } finally {
    model.dispose();
  }
}
