// What a LoRA file changes of a model: W + s B A of weights, or their differences as a whole, found by the names that PEFT, diffusers,
// ComfyUI and kohya's scripts give them. No tensor is read here; lora.ts merges.
import { show, sizeOf } from '@moviegen/kernels';
import { type LoraPart, loraName, type ModuleNames } from './loraNames.ts';
import { type WeightSource, WeightsError } from './source.ts';

/** A LoRA to merge. */
export interface Lora {
  readonly source: WeightSource;
  /** How strongly it is applied; a negative number subtracts it. Default 1. */
  readonly weight?: number;
  /** Its name in messages. */
  readonly label?: string;
  /** The scale s of a module without an `alpha` in the file. Default: 1, as where alpha equals the rank. */
  readonly scaleOf?: (module: string, rank: number) => number;
  /** Applies what can be applied of a file that also holds other changes (DoRA, text encoders ...). Default: refuse it. */
  readonly partial?: boolean;
  /** Is told, in one line, what of a partial LoRA is not applied. */
  readonly onNote?: (line: string) => void;
}

/** A low-rank change of one weight, or its difference as a whole. */
export type LoraChange = LowRank | WeightDifference;

interface LowRank {
  readonly source: WeightSource;
  readonly down: string; // A: [r, in, ...]
  readonly up: string; // B: [out, r, ...]
  readonly alpha: string | undefined;
  readonly scale: number;
  readonly rank: number;
}

interface WeightDifference {
  readonly source: WeightSource;
  readonly diff: string; // has the shape of the weight
  readonly alpha: string | undefined;
  readonly scale: number;
}

const MOST_LISTED = 5;

/** The tensors of a module found so far, by their names. */
type Module = Partial<Record<LoraPart, string>>;

/**
 * The changes that a LoRA makes, each with the weight that it changes. No tensor is read.
 * @throws WeightsError, one line, where a tensor belongs to no weight or its shape does not fit it.
 */
export function changesOf(
  lora: Lora,
  shapes: Readonly<Record<string, readonly number[]>>,
  names: ModuleNames,
): [string, LoraChange][] {
  const { source, weight = 1, label = 'lora', scaleOf = () => 1 } = lora;
  const problems: string[] = [];
  const modules = modulesOf(lora, problems);
  const changes: [string, LoraChange][] = [];
  let fitting = 0;
  const found = new Map<string, string>(); // the file's name of a module, by the model's
  for (const [module, tensors] of modules) {
    const { down, up, upBias, alpha, diff, diffBias } = tensors;
    const [path, ...others] = names.find(module);
    if (path === undefined || others.length > 0) {
      const several = `${module} may be ${[path, ...others].join(' or ')}`;
      problems.push(path === undefined ? `the model has no ${module}.weight` : several);
      continue;
    }
    const twin = found.get(path);
    if (twin !== undefined) {
      problems.push(`${twin} and ${module} are both ${path}`);
      continue;
    }
    found.set(path, module);
    fitting += Object.keys(tensors).length;
    const weightName = shapes[path] === undefined ? `${path}.weight` : path;
    const differs = (name: string, tensor: string | undefined, scale: number, alpha?: string) => {
      if (tensor === undefined) return;
      const shape = shapes[name];
      if (shape === undefined) problems.push(`the model has no ${name}, which ${tensor} changes`);
      else if (sizeOf(source.shape(tensor)) !== sizeOf(shape))
        problems.push(`${tensor} ${show(source.shape(tensor))} does not fit ${show(shape)}`);
      else changes.push([name, { source, diff: tensor, alpha, scale }]);
    };
    differs(weightName, diff, weight);
    differs(`${path}.bias`, diffBias, weight);
    if (down === undefined && up === undefined && (diff ?? diffBias) !== undefined) continue;
    const shape = shapes[weightName];
    if (shape === undefined) problems.push(`the model has no ${module}.weight`);
    else if (down === undefined || up === undefined)
      problems.push(`${module} has no ${down === undefined ? 'lora_A' : 'lora_B'}`);
    else {
      const [a, b] = [source.shape(down), source.shape(up)];
      const rank = a[0] ?? 0;
      if (!fits(a, b, shape))
        problems.push(`${module}: A ${show(a)} and B ${show(b)} do not fit ${show(shape)}`);
      else if (alpha !== undefined && sizeOf(source.shape(alpha)) !== 1)
        problems.push(`${alpha} is not a single number`);
      else {
        const scale = weight * (alpha === undefined ? scaleOf(module, rank) : 1 / rank);
        changes.push([weightName, { source, down, up, alpha, scale, rank }]);
        differs(`${path}.bias`, upBias, scale, alpha);
      }
    }
  }
  if (problems.length === 0) return changes;
  const more = problems.length > MOST_LISTED ? `; and ${problems.length - MOST_LISTED} more` : '';
  const all = source.names().length;
  const share = fitting < all ? ` (the model has the modules of ${fitting} of its ${all} tensors)` : '';
  throw new WeightsError(
    `${label}: this LoRA does not fit the model: ${problems.slice(0, MOST_LISTED).join('; ')}${more}${share}`,
  );
}

/**
 * The modules of a file with their tensors. What cannot be applied is refused in one line, or told and left out with all of its
 * module: a LoRA without its DoRA part would be another change.
 */
function modulesOf(
  { source, label = 'lora', partial, onNote }: Lora,
  problems: string[],
): Map<string, Module> {
  const modules = new Map<string, Module>();
  const unsupported = new Map<string, number>();
  const broken = new Set<string>();
  const all = source.names();
  for (const name of all) {
    const found = loraName(name);
    if (found === undefined) problems.push(`${name} is not a lora_A, lora_B or alpha`);
    else if ('unsupported' in found) {
      unsupported.set(found.unsupported, (unsupported.get(found.unsupported) ?? 0) + 1);
      if (found.module !== undefined) broken.add(found.module);
    } else {
      const module = modules.get(found.module) ?? {};
      const twin = module[found.part];
      if (twin !== undefined) problems.push(`${twin} and ${name} are the same part of ${found.module}`);
      modules.set(found.module, { ...module, [found.part]: name });
    }
  }
  if (unsupported.size > 0) {
    const kinds = [...unsupported].map(([kind, count]) => `${kind} ${count}`).join(', ');
    const line = `${label}: ${[...unsupported.values()].reduce((a, b) => a + b)} of its ${all.length} tensors cannot be applied (${kinds})`;
    if (!partial)
      throw new WeightsError(
        `${line}; --lora-partial (partial in the library) applies the modules without them`,
      );
    for (const module of broken) modules.delete(module);
    if (modules.size > 0) onNote?.(`${line}: ${modules.size} modules are applied`);
  }
  if (modules.size === 0 && problems.length === 0) problems.push('it holds no lora_A and lora_B');
  return modules;
}

/** A [r, ...in] and B [out, r, ones] of a weight [out, ...in]; a convolution's A may be flat. */
function fits(a: readonly number[], b: readonly number[], [out = 0, ...inputs]: readonly number[]): boolean {
  const rank = a[0] ?? 0;
  return rank > 0 && sizeOf(a) === rank * sizeOf(inputs) && b[0] === out && sizeOf(b) === out * rank;
}
