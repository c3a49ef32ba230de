// Single files of weights as people have them: what each is, by its header, and which are refused.
import { readdirSync, readFileSync } from 'node:fs';
import { memorySource, Safetensors, serialize } from '@moviegen/safetensors';
import { fileSource } from '@moviegen/safetensors/node';
import { expect, test } from 'vitest';
import { checkKind, identifyWeights, identityText } from '../src/checkpoint/identify.ts';
import { inspect, inspectionTable } from '../src/checkpoint/inspect.ts';
import { openWeights } from '../src/checkpoint/weightsFile.ts';

const root = new URL('../../', import.meta.url).pathname;
/** The safetensors files in a folder and below. */
const filesIn = (folder: string) =>
  readdirSync(root + folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.safetensors'))
    .map((name) => `${folder}/${name}`);
const open = async (path: string) => openWeights((await fileSource(root + path))!);

/** The header of a file with these names. */
const header = (...names: string[]) => ({
  names: () => names,
  shape: () => [],
  dtype: () => 'F32',
  metadata: {},
});

/** What a fixture of Wan is, by its place. */
function placed(path: string): [kind: string, layout: string, version?: string] | undefined {
  if (/\/(expected|scheduler)\b|\/expected\./.test(path)) return undefined;
  const [, lora] = /\/lora\/([\w-]+)\./.exec(path) ?? [];
  if (lora !== undefined) return ['lora', lora.replace(/-.*/, '')];
  const own = /\/comfy\//.test(path) ? 'comfy' : /\/original\//.test(path) ? 'original' : undefined;
  if (/image_encoder/.test(path)) return ['clip-vision', 'transformers'];
  if (/text_encoder|t5/.test(path)) return ['umt5', own ?? 'transformers'];
  if (/vae/i.test(path))
    return ['wan-autoencoder', own ?? 'diffusers', path.includes('ti2v') ? '2.2' : '2.1'];
  return ['wan-transformer', own ?? 'diffusers'];
}

test.each(
  filesIn('wan/fixtures')
    .map((path) => [path, placed(path)] as const)
    .filter(([, place]) => place !== undefined),
)('%s is known by its header', async (path, place) => {
  const source = await open(path);
  const found = identifyWeights(source)!;
  expect([found.kind, found.layout, ...(found.version ? [found.version] : [])]).toEqual(place);
  await source.close();
});

test('GGUF files are opened by their first bytes, and known', async () => {
  const source = await open('gguf/fixtures/wan.gguf');
  expect(identifyWeights(source)).toEqual({ kind: 'wan-transformer', layout: 'gguf' });
  expect(inspectionTable(inspect(source))).toContain("\nWan's transformer, in the layout of GGUF\n");
  expect(() => checkKind('x.gguf', source, 'umt5')).toThrow(
    "checkpoint: x.gguf: it holds Wan's transformer, in the layout of GGUF; expected the text encoder umT5",
  );
  await source.close();
});

test('other models are not taken for Wan', async () => {
  const others = filesIn('moviegen/fixtures').filter((path) => !/lora|clip-vision|image_encoder/.test(path));
  for (const path of others) {
    const source = await open(path);
    expect([path, identifyWeights(source)]).toEqual([path, undefined]);
    await source.close();
  }
  expect(others.length).toBeGreaterThan(10);
  const empty = await Safetensors.open(serialize({}));
  expect(identifyWeights(empty)).toBe(undefined);
  expect(() => checkKind('x', empty, 'wan-transformer')).toThrow(
    "x: it holds other weights, like none; expected Wan's transformer",
  );
  const flux = {
    ...empty,
    names: () => ['double_blocks.0.img_mod.lin.weight'],
    metadata: { 'general.architecture': 'flux' },
  };
  expect(() => checkKind('x', flux as never, 'wan-transformer')).toThrow(
    'x: it holds a model of the architecture "flux"; expected',
  );
});

test('a LoRA of kohya and of PEFT', () => {
  const found = (...names: string[]) => identityText(identifyWeights(header(...names))!);
  expect(
    found('lora_unet_blocks_0_self_attn_q.lora_down.weight', 'lora_unet_blocks_0_self_attn_q.alpha'),
  ).toBe("a LoRA, in the layout of kohya's scripts");
  expect(found('base_model.model.blocks.0.attn1.to_q.lora_A.weight')).toBe('a LoRA, in the layout of PEFT');
});

test.each([
  ['Wan2.1_VAE.pth', 'PK\x03\x04', 'take wan_2.1_vae.safetensors, which holds the same weights'],
  ['Wan2.2_VAE.pth', 'PK\x03\x04', 'take wan2.2_vae.safetensors, which'],
  ['models_t5_umt5-xxl-enc-bf16.pth', 'PK\x03\x04', 'take umt5_xxl_fp16.safetensors, which'],
  [
    'models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth',
    '\x80\x02}q',
    'take clip_vision_h.safetensors, which',
  ],
  ['a/my.model.ckpt', '\x80\x04}q', 'take my.model.safetensors, which PyTorch makes of it'],
  ['a/b.bin', 'PK\x03\x04', 'take b.safetensors, which PyTorch makes of it'],
  ['b.pt', 'PK\x03\x04', 'take b.safetensors, which PyTorch makes of it'],
])('%s is refused in one line', async (name, first, said) => {
  const file = memorySource(Buffer.from(`${first}${' '.repeat(600)}`, 'latin1'), name);
  const message = await openWeights(file).then(String, (error: Error) => error.message);
  expect(message).toBe(
    `checkpoint: ${name}: files of PyTorch may run programs and are not read: ${message.slice(message.indexOf('take'))}`,
  );
  expect(message).toContain(said);
});

test('what is no file of weights is said as before', async () => {
  const page = memorySource(Buffer.from('<!doctype html><html>'.padEnd(600)), 'model.pth');
  await expect(openWeights(page)).rejects.toThrow('this is not a safetensors file: it is a web page');
  const renamed = memorySource(readFileSync(`${root}wan/fixtures/lora/kohya.safetensors`), 'model.bin');
  expect(identifyWeights(await openWeights(renamed))?.layout).toBe('kohya');
});
