// Runs Wan's autoencoder on the cases of a folder as diffusers saves a pipeline, with `expected/vae-*.safetensors` beside its
// models: layer by layer as a whole, and again piece by piece. A case's file has `input.x` (a video), `input.z` (latents, not in
// the transformer's scale), every intermediate and `output.mean`, `output.logvar`, `output.video`.

import { concat, type Device, scope, type Tensor } from '@moviegen/tensor';
import { parseAutoencoderConfig, WanAutoencoder } from '@moviegen/wan';
import { upload } from '../dit.ts';
import type { ParityCase, Values } from '../fixture.ts';
import { type ParityReport, valuesOf } from '../parity.ts';
import { nameOf, neededJson, readCase, readJson, readWeights, type WanFixtureFiles } from './files.ts';
import { Rows, WAN_BOUND } from './rows.ts';

/** Options of {@link checkWanAutoencoder}. */
export interface WanAutoencoderCheck {
  /** Type of weights and activations. Default f32. */
  readonly dtype?: 'f32' | 'f16' | undefined;
  /** Bound on max|a - b| / max|b|. Default {@link WAN_BOUND}. */
  readonly bound?: number | undefined;
}

/** Compares the autoencoder of a pipeline's folder with every `expected/vae-*.safetensors`; each report comes as soon as it is ready. */
export async function* checkWanAutoencoder(
  device: Device,
  files: WanFixtureFiles,
  folder: string,
  { dtype = 'f32', bound = WAN_BOUND }: WanAutoencoderCheck = {},
): AsyncGenerator<ParityReport> {
  const config = parseAutoencoderConfig(await neededJson(files, `${folder}/vae/config.json`));
  const listed = await files.list(`${folder}/expected`);
  const profile = (await readJson<Record<string, Profile | undefined>>(files, 'profile.json'))?.[folder];
  const source = await readWeights(files, `${folder}/vae`);
  const model = await WanAutoencoder.load(device, source, config, { dtype });
  try {
    for (const file of listed.filter((name) => /^vae-.*\.safetensors$/.test(name)).sort()) {
      const given = await readCase(files, `${folder}/expected/${nameOf(file)}`);
      const tile = profile?.vae_cases?.find((one) => one.name === given.name)?.tile;
      const seen = [...(tile ? [] : whole(model, given)), ...(await inPieces(model, given, tile))];
      const rows = new Rows(bound);
      for (const { label, tensor, values } of seen) rows.add(label, await values, given.values(tensor));
      const found = new Set(seen.map(({ tensor }) => tensor));
      const unreported = given.order.filter((name) => !name.startsWith('input.') && !found.has(name));
      yield await rows.report(folder, given.name, unreported);
    }
  } finally {
    model.dispose();
    await source.close();
  }
}

/** How the cases of a folder were made: their tiles' height and width, and from tile to tile, in pixels of the coders. */
interface Profile {
  readonly vae_cases?: readonly {
    readonly name: string;
    readonly tile?: readonly [number, number, number, number];
  }[];
}

/** A value of the model: what it is called, the tensor of the file that it should be, and its numbers. */
interface Seen {
  readonly label: string;
  readonly tensor: string;
  readonly values: Promise<Values>;
}

/** One pass over all frames, with every intermediate. */
function whole(model: WanAutoencoder, given: ParityCase): Seen[] {
  const seen: Seen[] = [];
  const see = (name: string, value: Tensor) => {
    if (given.order.includes(name)) seen.push({ label: name, tensor: name, values: valuesOf(value) });
  };
  scope(model.device, () => {
    const { mean, logvar } = model.encode(upload(model.device, given.values('input.x')), { trace: see });
    see('output.mean', mean);
    see('output.logvar', logvar);
    const z = model.normalize(upload(model.device, given.values('input.z')));
    see('output.video', model.decode(z, { trace: see }));
  });
  return seen;
}

/** The outputs piece by piece, and tile by tile where the case was. */
async function inPieces(
  model: WanAutoencoder,
  given: ParityCase,
  tile: readonly [number, number, number, number] | undefined,
): Promise<Seen[]> {
  const { device, factor, config } = model;
  const seen: Seen[] = [];
  const see = (tensor: string, parts: readonly Tensor[]) => {
    scope(device, () => {
      const values = valuesOf(concat(parts, { axis: 2 }));
      seen.push({ label: `${tensor} (in pieces)`, tensor, values });
    });
    for (const part of parts) part.dispose();
  };
  const tiles = (pixels: number) => {
    if (!tile) return {};
    const [height, width, down, right] = tile;
    const positions = (a: number, b: number) => [Math.floor(a / pixels), Math.floor(b / pixels)] as const;
    return { spatialTile: positions(height, width), spatialOverlap: positions(height - down, width - right) };
  };
  const video = upload(device, given.values('input.x'));
  const [means, logvars, frames]: Tensor[][] = [[], [], []];
  // The library cuts what the encoder sees, which in Wan 2.2 are patches.
  for await (const { mean, logvar } of model.encodeTiled(video, tiles(factor / config.patchSize))) {
    means!.push(mean);
    logvars!.push(logvar);
  }
  see('output.mean', means!);
  see('output.logvar', logvars!);
  const z = scope(device, () => model.normalize(upload(device, given.values('input.z'))));
  for await (const piece of model.decodeTiled(z, tiles(factor))) frames!.push(piece);
  see('output.video', frames!);
  video.dispose();
  z.dispose();
  return seen;
}
