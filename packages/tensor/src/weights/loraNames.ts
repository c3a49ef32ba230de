// The names in a LoRA file: which tensor does what to which weight of a model. Libraries spell a module's name with dots (PEFT,
// diffusers, ComfyUI) or flatten it with underscores (kohya's scripts, LyCORIS). No tensor is read here.

/** What a tensor of a LoRA file is. */
export type LoraPart = 'down' | 'up' | 'upBias' | 'alpha' | 'diff' | 'diffBias';

/** A tensor of a LoRA file: its part in the change of a module, or why it cannot be applied. */
export type LoraName =
  | { readonly module: string; readonly part: LoraPart }
  | { readonly unsupported: string; readonly module: string | undefined };

const PARTS: Readonly<Record<string, LoraPart>> = {
  lora_A: 'down',
  lora_down: 'down',
  'lora.down': 'down',
  lora_B: 'up',
  lora_up: 'up',
  'lora.up': 'up',
  alpha: 'alpha',
  diff: 'diff',
  diff_b: 'diffBias',
};
const FACTOR = /^(.+)\.(lora_A|lora_B|lora_down|lora_up|lora\.down|lora\.up)(?:\.\w+)?\.weight$/;
const FACTOR_BIAS = /^(.+)\.(?:lora_B|lora_up|lora\.up)(?:\.\w+)?\.bias$/;
const OTHER = /^(.+)\.(alpha|diff|diff_b)$/;
/** Kinds of changes that are not low-rank products. */
const UNSUPPORTED: readonly (readonly [pattern: RegExp, kind: string])[] = [
  [/^(.+)\.(dora_scale|lora_magnitude_vector(\.\w+)*)$/, 'DoRA'],
  [/^(.+)\.hada_\w+$/, 'LoHa'],
  [/^(.+)\.lokr_\w+$/, 'LoKr'],
  [/^(.+)\.(oft_\w+|boft_\w+)(\.\w+)*$/, 'OFT'],
  [/^(.+)\.lora_mid(\.\w+)*$/, 'LoRA with a middle factor'],
];
const TEXT_ENCODER = /^(lora_te\d*_|(base_model\.model\.)?(text_encoder|text_model|conditioner)(_\d)?\.)/;
/** Prefixes that libraries put before a module's own name, with dots or flattened. */
const PREFIX = /^(base_model\.model|base_model|transformer|unet|diffusion_model|model|module)\./;
const FLAT_PREFIX = /^(lora_unet|lora_transformer|lora_dit|lycoris)_/;

/** What the name of a tensor in a LoRA file says; undefined where it says nothing that is known. */
export function loraName(name: string): LoraName | undefined {
  if (TEXT_ENCODER.test(name)) return { unsupported: 'of a text encoder', module: undefined };
  for (const [pattern, kind] of UNSUPPORTED) {
    const found = pattern.exec(name);
    if (found) return { unsupported: kind, module: found[1] };
  }
  const biased = FACTOR_BIAS.exec(name)?.[1];
  if (biased !== undefined) return { module: biased, part: 'upBias' };
  const [, module, part] = FACTOR.exec(name) ?? OTHER.exec(name) ?? [];
  return module === undefined ? undefined : { module, part: PARTS[part!]! };
}

/** Finds the modules of one model by the names that LoRA files give them. */
export class ModuleNames {
  /** The model's own names of modules, by these and by their other names. */
  readonly #modules = new Map<string, string>();
  /** The same by flattened names. */
  readonly #flat = new Map<string, Set<string>>();

  /**
   * @param weights names of the model's weights.
   * @param otherName the name of a module in the layout of another library; the model's own name where it has no other.
   */
  constructor(weights: readonly string[], otherName: (module: string) => string = (module) => module) {
    const modules = new Set(weights.map((name) => name.replace(/\.(weight|bias)$/, '')));
    // Own names last: where a name is another module's other name, it is its own module's.
    for (const nameOf of [otherName, (module: string) => module])
      for (const module of modules) {
        const name = nameOf(module);
        this.#modules.set(name, module);
        const flat = name.replaceAll('.', '_');
        this.#flat.set(flat, (this.#flat.get(flat) ?? new Set()).add(module));
      }
  }

  /** The model's own names that a module may have: none, one, or several that are flattened to the same. */
  find(module: string): readonly string[] {
    for (let path = module; ; path = path.replace(PREFIX, '')) {
      const own = this.#modules.get(path);
      if (own !== undefined) return [own];
      if (!PREFIX.test(path)) break;
    }
    return FLAT_PREFIX.test(module) ? [...(this.#flat.get(module.replace(FLAT_PREFIX, '')) ?? [])] : [];
  }
}
