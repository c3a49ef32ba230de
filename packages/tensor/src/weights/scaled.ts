// Weights in 8-bit floats whose scale is a tensor of its own, as ComfyUI's files hold them: X.weight beside X.scale_weight or
// X.weight_scale, value = weight * scale. Not here: 8-bit floats without a scale, which need nothing.
import { bytesToFloats, sizeOf } from '@moviegen/kernels';
import { piecesOf, type WeightSource, WeightsError } from './source.ts';

const SCALE = /^(.+\.)?(?:scale_weight|weight_scale)$/;
/** What such files hold beside weights: marks, scales of activations, descriptions of formats. */
const OTHER = /(^|\.)(scaled_fp8|scale_input|input_scale|comfy_quant)$/;

/**
 * The source with the scales of its weights read, and no longer among its tensors; the source itself where it holds none.
 * @throws WeightsError where a scale belongs to no weight of 8-bit floats or is not one number; the signal's reason on abort.
 */
export async function scaledSource(source: WeightSource, signal?: AbortSignal): Promise<WeightSource> {
  const all = source.names();
  const present = new Set(all);
  const scaleNames = all.filter((name) => SCALE.test(name));
  const names = all.filter((name) => !SCALE.test(name) && !OTHER.test(name));
  if (names.length === all.length) return source;
  const faults: string[] = [];
  for (const name of scaleNames) {
    const weight = weightOf(name);
    if (!present.has(weight)) faults.push(`there is no ${weight}, which ${name} would scale`);
    else if (!source.dtype(weight).startsWith('F8_'))
      faults.push(`${weight} is ${source.dtype(weight)}, and only F8_E4M3 and F8_E5M2 are read with a scale`);
    else if (sizeOf(source.shape(name)) !== 1)
      faults.push(`${name} is [${source.shape(name).join(', ')}], and only one number per weight is read`);
  }
  if (faults.length > 0) {
    const more = faults.length > 1 ? `; and ${faults.length - 1} more` : '';
    throw new WeightsError(`weights: scales do not fit: ${faults[0]}${more}`);
  }
  const scales = new Map<string, number>();
  for await (const { name, data } of piecesOf(source, scaleNames, { signal }))
    scales.set(weightOf(name), bytesToFloats(data, source.dtype(name))[0]!);
  const [range, pieces] = [source.range?.bind(source), source.pieces?.bind(source)];
  return {
    names: () => names,
    shape: (name) => source.shape(name),
    dtype: (name) => source.dtype(name),
    scale: (name) => scales.get(name),
    read: (name, options) => source.read(name, options),
    ...(range && { range }),
    ...(pieces && { pieces }),
  };
}

const weightOf = (scale: string): string => scale.replace(SCALE, '$1weight');
