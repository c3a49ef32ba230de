// Runs a temporal autoencoder, or an image autoencoder inflated to one, on a fixture's inputs.

import { klLoss, outlierPenaltyLoss, parseConfig, reconstructionLoss, TAE } from '@moviegen/tae';
import { concat, type Device, scope, slice, type Tensor } from '@moviegen/tensor';
import { upload } from './dit.ts';
import type { Fixture, ParityCase } from './fixture.ts';
import type { ParityLoader, ParityModel, Report } from './parity.ts';

/** Loads the TAE of a fixture. */
export const loadTAE: ParityLoader = async (device, fixture) =>
  new ParityTAE(device, await TAE.load(device, await fixture.weights(), parseConfig(fixture.config)));

/** Loads the image autoencoder of a fixture: a TAE inflated from it. */
export const loadAutoencoderKL: ParityLoader = (device, fixture) =>
  loadAutoencoderKLLayout(device, fixture, '.');

/** The same from one of the folders in which the fixture holds its weights and config in another layout. */
export async function loadAutoencoderKLLayout(
  device: Device,
  fixture: Fixture,
  layout: string,
): Promise<ParityModel> {
  const config = await fixture.read(layout === '.' ? 'config.json' : `${layout}/config.json`);
  const json: unknown = JSON.parse(new TextDecoder().decode(config));
  return new ParityTAE(device, await TAE.load(device, await fixture.weights(layout), parseConfig(json)));
}

class ParityTAE implements ParityModel {
  readonly #device: Device;
  readonly #tae: TAE;

  constructor(device: Device, tae: TAE) {
    this.#device = device;
    this.#tae = tae;
  }

  async run(given: ParityCase, report: Report): Promise<void> {
    const { kind } = given.args;
    if (kind === 'encode') this.#encode(given, report);
    else if (kind === 'decode') this.#decode(given, report);
    else if (kind === 'tiled') await this.#tiled(given, report);
    else if (kind === 'losses') await this.#losses(given, report);
    else if (kind === 'encode, mode, decode') this.#image(given, report);
    else throw new Error(`parity: a tae cannot run a case of kind ${JSON.stringify(kind)}`);
  }

  dispose(): void {
    this.#tae.dispose();
  }

  #encode(given: ParityCase, report: Report): void {
    scope(this.#device, () => {
      const video = this.#input(given, 'video');
      const posterior = this.#tae.encode(video, { trace: report });
      report('output.mean', posterior.mean);
      report('output.logvar', posterior.logvar);
      report('output.mode', posterior.mode());
      if (given.order.includes('input.noise'))
        report('output.latents', posterior.sample(this.#input(given, 'noise')));
    });
  }

  #decode(given: ParityCase, report: Report): void {
    scope(this.#device, () => {
      const numFrames = given.args.num_frames as number;
      report('output.video', this.#tae.decode(this.#input(given, 'latents'), { numFrames, trace: report }));
    });
  }

  /** An image is a video of one frame. */
  #image(given: ParityCase, report: Report): void {
    scope(this.#device, () => {
      const trace = (name: string, value: Tensor) => report(name, frame(value));
      const image = this.#input(given, 'image'); // [B, 3, H, W]
      const [B, channels, H, W] = image.shape as [number, number, number, number];
      const posterior = this.#tae.encode(image.reshape([B, channels, 1, H, W]), { trace });
      trace('output.mean', posterior.mean);
      trace('output.logvar', posterior.logvar);
      const latents = posterior.mode();
      trace('output.latents', latents);
      trace('output.image', this.#tae.decode(latents, { numFrames: 1, trace }));
    });
  }

  async #tiled(given: ParityCase, report: Report): Promise<void> {
    const means: Tensor[] = [];
    const logvars: Tensor[] = [];
    const number = (name: string) => given.args[name] as number | undefined;
    const tiles = {
      tile: number('tile'),
      overlap: number('overlap'),
      spatialTile: number('spatial_tile'),
      spatialOverlap: number('spatial_overlap'),
    };
    const video = this.#input(given, 'video');
    for await (const { mean, logvar } of this.#tae.encodeTiled(video, tiles)) {
      means.push(mean);
      logvars.push(logvar);
    }
    const latent = scope(this.#device, () => {
      const mean = concat(means, { axis: 2 });
      report('output.mean', mean);
      report('output.logvar', concat(logvars, { axis: 2 }));
      return this.#tae.toModelSpace(mean); // the fixture decodes the mean as it is
    });
    const frames: Tensor[] = [];
    for await (const piece of this.#tae.decodeTiled(latent, { ...tiles, numFrames: number('num_frames') }))
      frames.push(piece);
    scope(this.#device, () => report('output.video', concat(frames, { axis: 2 })));
    for (const tensor of [video, latent, ...means, ...logvars, ...frames]) tensor.dispose();
  }

  async #losses(given: ParityCase, report: Report): Promise<void> {
    const [video, target] = [this.#input(given, 'video'), this.#input(given, 'target')];
    scope(this.#device, () => {
      const z = this.#input(given, 'z');
      report('output.reconstruction', reconstructionLoss(video, target));
      report('output.kl', klLoss(this.#input(given, 'mean'), this.#input(given, 'logvar')));
      report('output.opl', outlierPenaltyLoss(z, given.args.r as number));
      report('output.opl.r1', outlierPenaltyLoss(z, 1));
    });
    const { psnr } = await import('@moviegen/evaluation'); // what only parity needs stays out of the library
    report('output.psnr', { shape: [], data: [await psnr(video, target)] });
  }

  #input(given: ParityCase, name: string): Tensor {
    return upload(this.#device, given.values(`input.${name}`));
  }
}

/** The first frame of [B, C, T, H, W]: a latent frame stands for eight frames, of which an image is the first. */
function frame(video: Tensor): Tensor {
  const [B, C, , H, W] = video.shape as [number, number, number, number, number];
  return slice(video, { start: [0, 0, 0], end: [B, C, 1] }).reshape([B, C, H, W]);
}
