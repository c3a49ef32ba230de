// Runs a text encoder on a fixture's token ids. Tokenizers are checked with the whole pipeline (pipeline.ts).

import { memorySource, openCheckpoint } from '@moviegen/safetensors';
import type { WeightSource } from '@moviegen/tensor';
import { ClipTextModel, parseClipTextConfig, parseT5Config, T5Encoder } from '@moviegen/text';
import type { Fixture, ParityCase } from './fixture.ts';
import type { ParityLoader, ParityModel } from './parity.ts';

/** Loads the T5 encoder of a fixture. */
export const loadT5: ParityLoader = (device, fixture) => loadT5Layout(device, fixture, '.');

/** Loads the CLIP text tower of a fixture. */
export const loadClip: ParityLoader = (device, fixture) => loadClipLayout(device, fixture, '.');

/** The same from one of the folders in which the fixture holds its weights in another layout. */
export async function loadT5Layout(...[device, fixture, layout]: LayoutOf): Promise<ParityModel> {
  const source = await weightsOf(fixture, layout);
  return parityOf(await T5Encoder.load(device, source, parseT5Config(await configOf(fixture, layout))));
}

/** The same from one of the folders in which the fixture holds its weights in another layout. */
export async function loadClipLayout(...[device, fixture, layout]: LayoutOf): Promise<ParityModel> {
  const source = await weightsOf(fixture, layout);
  const config = parseClipTextConfig(await configOf(fixture, layout));
  return parityOf(await ClipTextModel.load(device, source, config));
}

export type LayoutOf = [...Parameters<ParityLoader>, layout: string];

const parityOf = (model: T5Encoder | ClipTextModel): ParityModel => ({
  run(given, report) {
    const { states } = model.forward(tokensOf(given), { trace: report });
    report('output.last_hidden_state', states);
    states.dispose();
  },
  dispose: () => model.dispose(),
});

/** The ids of each text; without a mask, the padding too. */
function tokensOf(given: ParityCase): number[][] {
  const { shape, data } = given.values('input.input_ids');
  const [B = 0, L = 0] = shape;
  const masked = given.order.includes('input.attention_mask');
  const mask = masked ? given.values('input.attention_mask').data : undefined;
  return Array.from({ length: B }, (_, b) =>
    Array.from({ length: L }, (_, i) => b * L + i).flatMap((at) => (mask?.[at] === 0 ? [] : [data[at]!])),
  );
}

export async function configOf(fixture: Fixture, layout: string): Promise<unknown> {
  return JSON.parse(new TextDecoder().decode(await fixture.read(inside(layout, 'config.json'))));
}

export function weightsOf(fixture: Fixture, layout: string): Promise<WeightSource> {
  return openCheckpoint(async (name) => {
    const bytes = await fixture.read(inside(layout, name)).catch(() => undefined);
    return bytes && memorySource(bytes, `${fixture.name}/${inside(layout, name)}`);
  });
}

const inside = (layout: string, name: string): string => (layout === '.' ? name : `${layout}/${name}`);
