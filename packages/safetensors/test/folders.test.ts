// What lies in folders of weights: variants of the files, and files that are not weights at all.

import { expect, test } from 'vitest';
import { memorySource, openCheckpoint, Safetensors, serialize } from '../src/index.ts';

const latin1 = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const tensor = (value: number) => ({ dtype: 'U8' as const, shape: [1], data: new Uint8Array([value]) });
const weights = (value: number) => serialize({ a: tensor(value) });

/** A folder of files; `list` only where a file system would have it. */
function folderOf(files: Record<string, Uint8Array>, listed: boolean) {
  const open = async (name: string) => (files[name] ? memorySource(files[name], name) : undefined);
  return listed ? Object.assign(open, { list: async () => Object.keys(files) }) : open;
}

test.each([
  [
    'a Git LFS pointer',
    'version https://git-lfs.github.com/spec/v1\noid sha256:3a\nsize 3\n',
    /Git LFS.*git lfs pull/,
  ],
  ['a web page', '\ufeff\n<!DOCTYPE html><html><title>Sign in</title></html>', /web page \(HTML\)/],
  ['the error of a server', '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', /XML document/],
  ['a zip of PyTorch', 'PK\x03\x04\x00\x00\x08\x08\x00\x00', /zip archive.*PyTorch/],
  ['a pickle', '\x80\x02}q\x00(X\x01\x00\x00\x00aK\x01u.', /Python pickle/],
  ['a GGUF file', 'GGUF\x03\x00\x00\x00\x01\x00\x00\x00', /GGUF/],
  ['zeros', '\0'.repeat(1000), /zeros.*download/],
])('%s is named for what it is', async (_, text, said) => {
  const bytes = text.startsWith('\ufeff') ? new TextEncoder().encode(text) : latin1(text);
  const { message } = await Safetensors.open(bytes).catch((error) => error);
  expect(message).toMatch(said);
  expect(message).not.toContain('\n');
});

test('a header whose length begins like a pickle is still a header', async () => {
  const bytes = serialize({ a: tensor(1) }, { text: 'x'.repeat(700) });
  const length = 8 + Math.ceil((0x280 - 8) / 8) * 8;
  const padded = serialize({ a: tensor(1) }, { text: 'x'.repeat(700 - (bytes.length - 8 - length)) });
  expect(padded[0]).toBe(0x80);
  expect((await Safetensors.open(padded)).names()).toEqual(['a']);
});

test.each([true, false])('the only variant that is there is taken (listed: %s)', async (listed) => {
  const single = folderOf({ 'model.fp16.safetensors': weights(1) }, listed);
  expect([...(await (await openCheckpoint(single)).read('a'))]).toEqual([1]);
  const shard = 'diffusion_pytorch_model.fp16-00001-of-00001.safetensors';
  const index = JSON.stringify({ weight_map: { a: shard } });
  const sharded = folderOf(
    { [shard]: weights(2), 'diffusion_pytorch_model.safetensors.index.fp16.json': latin1(index) },
    listed,
  );
  expect([...(await (await openCheckpoint(sharded)).read('a'))]).toEqual([2]);

  const both = folderOf(
    { 'model.fp16.safetensors': weights(1), 'model.bf16.safetensors': weights(2) },
    listed,
  );
  await expect(openCheckpoint(both)).rejects.toThrow(
    /there are several variants: got (fp16, bf16|bf16, fp16)/,
  );
  expect([...(await (await openCheckpoint(both, { variant: 'bf16' })).read('a'))]).toEqual([2]);
  await expect(openCheckpoint(both, { variant: 'ema' })).rejects.toThrow('expected model.ema.safetensors or');
  const plain = folderOf({ 'model.fp16.safetensors': weights(1), 'model.safetensors': weights(3) }, listed);
  expect([...(await (await openCheckpoint(plain)).read('a'))]).toEqual([3]);
});

test('a folder of other names says which files it has', async () => {
  await expect(openCheckpoint(folderOf({ 'vae.safetensors': weights(1) }, true))).rejects.toThrow(
    'there is no checkpoint: got "vae.safetensors", expected model.safetensors or',
  );
});
