// The number types of a pipeline's models: one for all models, or one per model. Between models the pipeline casts.

import { isImageConfig } from '@moviegen/tae';
import type { Device, QuantFormat } from '@moviegen/tensor';
import { InputError, shown } from '../errors.ts';

/**
 * The types of a model: one for everything (`f32`, `f16`), or one for the weights of its linear layers, a slash, and one for
 * everything else.
 */
export const PRECISIONS = ['f32', 'f16', 'q8', 'q4', 'q8/f16', 'q4/f16'] as const;
/** See {@link PRECISIONS}; `q8` alone means `q8/f32`. Sums are in f32 always. */
export type Precision = (typeof PRECISIONS)[number];

/** The parts of a pipeline that may differ in type. */
export const MODULES = ['dit', 'tae', 'text'] as const;
/** A part of a pipeline. */
export type ModuleName = (typeof MODULES)[number];

/**
 * One precision for all models, or one per part: `{ dit: 'q8', tae: 'f16', text: 'f16' }`; a part left out is f32.
 * Weights that are quantised in the checkpoint stay quantised; `f32` and `f16` are then the type of everything else. The TAE
 * consists of convolutions and is never quantised: one precision for all models gives it the type after the slash.
 */
export type DTypePolicy = Precision | Readonly<Partial<Record<ModuleName, Precision>>>;

/** How a model is loaded. */
export interface ModulePrecision {
  readonly dtype: 'f32' | 'f16';
  readonly quantize?: QuantFormat;
}

/**
 * Reads a policy as it is written on a command line: `q8`, or `dit=q8,tae=f16,text=f16`.
 * @throws InputError
 */
export function parsePolicy(text: string): DTypePolicy {
  const wrong = (what: string) =>
    new InputError(
      `dtype: ${what}; expected ${PRECISIONS.join(', ')}, or one per part: dit=q8,tae=f16,text=f16`,
    );
  const isPrecision = (name: string | undefined): name is Precision =>
    (PRECISIONS as readonly (string | undefined)[]).includes(name);
  if (isPrecision(text)) return text;
  if (typeof text !== 'string' || !text.includes('=')) throw wrong(`unknown type ${shown(text)}`);
  const policy: Partial<Record<ModuleName, Precision>> = {};
  for (const part of text.split(',')) {
    const [name, precision, ...more] = part.split('=').map((word) => word.trim());
    const module = MODULES.find((known) => known === name);
    if (module === undefined) throw wrong(`no part of the pipeline is called ${shown(name)}`);
    if (!isPrecision(precision) || more.length > 0) throw wrong(`unknown type in ${shown(part.trim())}`);
    if (policy[module] !== undefined) throw wrong(`${module} is there twice`);
    policy[module] = precision;
  }
  return policy;
}

/** How an autoencoder is loaded whose config says `force_upcast`: an image autoencoder that overflows f16. */
export function autoencoderPrecision(config: unknown, asked: ModulePrecision): ModulePrecision {
  const upcast = isImageConfig(config) && (config as { force_upcast?: unknown }).force_upcast === true;
  return upcast ? { ...asked, dtype: 'f32' } : asked;
}

/**
 * How each part is loaded on a device.
 * @throws InputError where the TAE is to be quantised, or the adapter lacks f16 and that is asked for
 */
export function modulePrecisions(
  policy: DTypePolicy,
  { target, info }: Pick<Device, 'target' | 'info'>,
): Readonly<Record<ModuleName, ModulePrecision>> {
  const each = MODULES.map((module): [ModuleName, ModulePrecision] => {
    const precision = typeof policy === 'string' ? policy : (policy[module] ?? 'f32');
    const [weights, others = weights] = precision.split('/');
    const dtype = others === 'f16' ? 'f16' : 'f32';
    if (dtype === 'f16' && !target.f16) {
      const instead = precision === 'f16' ? 'f32, or q8 or q4 for smaller weights' : `f32, or ${weights}`;
      throw new InputError(
        `dtype: ${module}=${precision} needs the feature shader-f16, which this adapter has not ` +
          `(${info.description}): choose ${instead}`,
      );
    }
    if (weights !== 'q8' && weights !== 'q4') return [module, { dtype }];
    if (module !== 'tae') return [module, { dtype, quantize: weights }];
    if (typeof policy === 'string') return [module, { dtype }];
    throw new InputError(`dtype: tae=${precision}: its weights are those of convolutions: choose f32 or f16`);
  });
  return Object.fromEntries(each) as Record<ModuleName, ModulePrecision>;
}
