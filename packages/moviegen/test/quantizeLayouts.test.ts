// Quantising what is not a folder of diffusers: the original repository, single files, GGUF, an address. The result is a folder as
// diffusers has it, or of one model. Its weights equal those of the source when it is quantised while it loads.

import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Gguf } from '@moviegen/gguf';
import { bytesToFloats, quantize } from '@moviegen/kernels';
import { fileSource, openFile, openFolder } from '@moviegen/safetensors/node';
import { t5Source } from '@moviegen/text';
import { originalTransformerName } from '@moviegen/wan';
import { afterAll, expect, test } from 'vitest';
import { checkpointSummary } from '../src/families/summary.ts';
import { CheckpointError, InputError } from '../src/index.ts';
import { quantizeCheckpoint } from '../src/node/quantizeFolder.ts';

const packages = fileURLToPath(new URL('../../', import.meta.url));
const root = join(packages, 'wan/fixtures');
const scratch = await mkdtemp(join(tmpdir(), 'wan-quantize-'));
afterAll(() => rm(scratch, { recursive: true, force: true }));

const comfy = join(root, 'original/comfy/wan_t2v_fp16.safetensors');
const single = join(scratch, 'comfy/wan.safetensors');
await mkdir(join(scratch, 'comfy'));
await copyFile(comfy, single);
await copyFile(join(root, 'original/wan/config.json'), join(scratch, 'comfy/config.json'));
const parts = {
  transformer: single,
  vae: join(root, 'original/wan/Wan2.1_VAE.safetensors'),
  textEncoder: join(root, 'original/comfy/umt5_fp8_scaled.safetensors'),
};
const tokenizer = join(root, 't2v/tokenizer');

test('single files: a whole folder of diffusers, each weight as it is quantised at load', async () => {
  const output = join(scratch, 'single');
  const told: number[] = [];
  const { quantized } = await quantizeCheckpoint(parts, output, {
    ...{ format: 'q8', tokenizer },
    onProgress: ({ bytes, totalBytes }) => told.push(bytes / totalBytes),
  });
  expect([quantized, told.at(-1)]).toEqual([20, 1]);
  const { problems, parts: found } = await checkpointSummary(output);
  expect([problems, found?.map(({ part }) => part)]).toEqual([[], ['transformer', 'vae', 'text_encoder']]);
  const [made, given] = [await openFolder(join(output, 'transformer')), await openFile(comfy)];
  for (const name of ['blocks.0.ffn.net.0.proj.weight', 'blocks.1.attn2.to_q.weight']) {
    const original = `model.diffusion_model.${originalTransformerName(name)}`;
    const right = quantize(bytesToFloats(await given.read(original), given.dtype(original)), 'q8');
    expect(await made.read(`${name}.q8`)).toEqual(new Uint8Array(right.codes.buffer));
    expect(new Uint16Array((await made.read(`${name}.scale`)).buffer)).toEqual(right.scales);
  }
  // In 8-bit floats with a scale: codes by the values, and the values themselves where rows are not whole blocks.
  const [text, file] = [await openFolder(join(output, 'text_encoder')), await openFile(parts.textEncoder)];
  const wo = 'encoder.block.0.layer.1.DenseReluDense.wo';
  const values = async (name: string) => {
    const scale = bytesToFloats(await file.read(`${name}.scale_weight`), 'F32')[0]!;
    return bytesToFloats(await file.read(`${name}.weight`), 'F8_E4M3').map((value) => value * scale);
  };
  const codes = quantize(await values(wo), 'q8').codes;
  expect(await text.read(`${wo}.weight.q8`)).toEqual(new Uint8Array(codes.buffer));
  const q = 'encoder.block.0.layer.0.SelfAttention.q';
  expect(text.dtype(`${q}.weight`)).toBe('F32');
  expect(bytesToFloats(await text.read(`${q}.weight`), 'F32')).toEqual(await values(q));
  await Promise.all([made, given, text, file].map((one) => one.close()));
});

test('the original repository; a part in place of its own', async () => {
  const input = join(scratch, 'original');
  await cp(join(root, 'original/wan'), input, { recursive: true });
  await copyFile(comfy, join(input, 'diffusion_pytorch_model.safetensors'));
  await cp(tokenizer, join(input, 'google/umt5-xxl'), { recursive: true });
  for (const [name, more] of [
    ['alone', {}],
    ['mixed', { parts: { vae: join(root, 't2v/vae') } }],
  ] as const) {
    const output = join(scratch, `original-${name}`);
    await quantizeCheckpoint(input, output, { format: 'q4', ...more });
    const { problems, kind } = await checkpointSummary(output);
    expect([problems, kind]).toEqual([[], 'Wan 2.1, of other sizes: 2 layers of width 64 with 2 heads']);
  }
});

test('GGUF: a transformer or a text encoder alone; blocks that are not quantised become their values', async () => {
  const output = join(scratch, 'umt5');
  const source = join(packages, 'gguf/fixtures/umt5.gguf');
  await quantizeCheckpoint(source, output, { format: 'q4' });
  expect((await readdir(output)).sort()).toEqual(['config.json', 'model.safetensors']);
  const config = JSON.parse(await readFile(join(output, 'config.json'), 'utf8'));
  expect(config).toMatchObject({ model_type: 'umt5', d_model: 32, d_kv: 16, num_heads: 3, vocab_size: 320 });
  const gguf = await Gguf.open((await fileSource(source))!);
  const [made, file] = [await openFolder(output), t5Source(gguf)];
  const table = bytesToFloats(await file.read('shared.weight'), file.dtype('shared.weight'));
  expect(bytesToFloats(await made.read('shared.weight'), made.dtype('shared.weight'))).toEqual(table);
  const wo = 'encoder.block.0.layer.1.DenseReluDense.wo.weight';
  const { codes } = quantize(bytesToFloats(await file.read(wo), 'Q4_K'), 'q4');
  expect(await made.read(`${wo}.q4`)).toEqual(new Uint8Array(codes.buffer));
  await Promise.all([made.close(), gguf.close()]);
  await copyFile(join(packages, 'gguf/fixtures/wan.gguf'), join(scratch, 'comfy/wan.gguf'));
  const transformer = join(scratch, 'transformer');
  await quantizeCheckpoint({ transformer: join(scratch, 'comfy/wan.gguf') }, transformer, { format: 'q8' });
  expect(JSON.parse(await readFile(join(transformer, 'config.json'), 'utf8'))).toMatchObject({
    ...{ _class_name: 'WanTransformer3DModel', num_attention_heads: 2, attention_head_dim: 32 },
  });
});

test('weights of a folder under other names; a variant alone', async () => {
  const input = join(scratch, 'names');
  await cp(join(root, 't2v'), input, { recursive: true });
  const folder = join(input, 'transformer');
  const usual = join(folder, 'diffusion_pytorch_model.safetensors');
  await copyFile(usual, join(folder, 'diffusion_pytorch_model.fp16.safetensors'));
  const variant = join(scratch, 'variant');
  await quantizeCheckpoint(input, variant, { format: 'q8', modules: ['dit'], variant: 'fp16' });
  expect(await readdir(join(variant, 'transformer'))).toEqual([
    ...['config.json', 'diffusion_pytorch_model.fp16.safetensors'],
  ]);
  await rm(usual);
  await rm(join(folder, 'diffusion_pytorch_model.fp16.safetensors'));
  await copyFile(single, join(folder, 'mine.safetensors'));
  const output = join(scratch, 'renamed');
  await quantizeCheckpoint(input, output, { format: 'q8' });
  expect((await checkpointSummary(output)).problems).toEqual([]);
});

test('at an address', async () => {
  const server = createServer((request, response) => {
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
    void readFile(join(root, request.url!)).then(
      (bytes) => {
        if (from === undefined) return response.end(bytes);
        response.statusCode = 206;
        const end = Math.min(Number(to) + 1, bytes.length);
        response.setHeader('content-range', `bytes ${from}-${end - 1}/${bytes.length}`);
        return response.end(bytes.subarray(Number(from), end));
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/t2v/`;
  const output = join(scratch, 'address');
  await quantizeCheckpoint(address, output, { format: 'q8' });
  expect((await checkpointSummary(output)).problems).toEqual([]);
  server.closeAllConnections();
  server.close();
});

test('what is not quantised is refused, and nothing is left', async () => {
  const output = join(scratch, 'none');
  const made = (source: Parameters<typeof quantizeCheckpoint>[0], more = {}) =>
    quantizeCheckpoint(source, output, { format: 'q8', ...more });
  await expect(made(parts.vae)).rejects.toThrow(
    /Wan2\.1_VAE\.safetensors holds Wan's autoencoder 2\.1, .*: only transformers and text encoders are quantised/,
  );
  await expect(made(parts)).rejects.toThrow('the tokenizer is not given');
  await expect(made({ transformer: single, vae: parts.vae })).rejects.toThrow('not given: textEncoder');
  await expect(made(join(root, 'i2v'))).rejects.toThrow(/i2v\/model_index\.json is missing/);
  const again = join(scratch, 'umt5/model.safetensors');
  await expect(made(again)).rejects.toThrow(/model\.safetensors is quantised already/);
  const shapes = fileURLToPath(new URL('../../../models/shapes-world', import.meta.url));
  await expect(made(shapes, { parts: { vae: parts.vae } })).rejects.toThrow(InputError);
  await expect(made(shapes, { tokenizer })).rejects.toThrow('tokenizers cannot be given one by one');
  const broken = join(scratch, 'broken');
  await cp(join(root, 't2v'), broken, { recursive: true });
  await rm(join(broken, 'vae'), { recursive: true });
  await expect(made(broken)).rejects.toThrow(/broken\/vae\/config\.json is missing/);
  const scheduler = { _class_name: 'DPMSolverMultistepScheduler' };
  await cp(join(root, 't2v/vae'), join(broken, 'vae'), { recursive: true });
  await writeFile(join(broken, 'scheduler/scheduler_config.json'), JSON.stringify(scheduler));
  await expect(made(broken)).rejects.toThrow(
    /broken\/scheduler\/scheduler_config\.json: scheduler: .*DPMSolver.* is not supported/,
  );
  await expect(made(join(root, 't2v'), { parts: { vae: parts.textEncoder } })).rejects.toThrow(
    CheckpointError,
  );
  expect(await readdir(scratch)).not.toContain('none');
});
