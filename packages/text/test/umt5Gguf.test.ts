// umT5 out of a GGUF file as llama.cpp writes it, with blocks of most types: the states are those that transformers gives for the
// values that ggml's own library decodes, whole and streamed.
import { fileURLToPath } from 'node:url';
import { Gguf } from '@moviegen/gguf';
import { fileSource, openFile } from '@moviegen/safetensors/node';
import { compareArrays } from '@moviegen/tensor/checks';
import { testDevice } from '@moviegen/testing/device';
import { expect, test } from 'vitest';
import { checkT5Weights, parseT5Config, streamT5, T5Encoder, t5Source } from '../src/index.ts';

const device = await testDevice();
const fixture = fileURLToPath(new URL('../../gguf/fixtures/umt5', import.meta.url));
const config = parseT5Config({
  ...{ model_type: 'umt5', vocab_size: 320, d_model: 32, d_kv: 16, num_heads: 3, d_ff: 256, num_layers: 2 },
  ...{ feed_forward_proj: 'gated-gelu', dense_act_fn: 'gelu_new' },
});

test('whole and streamed', async () => {
  const file = await Gguf.open((await fileSource(`${fixture}.gguf`))!, { architectures: ['t5encoder'] });
  const expected = await openFile(`${fixture}.safetensors`);
  const read = async (name: string) => (await expected.read(name)).slice().buffer;
  const ids = await Promise.all([0, 1].map(async (i) => [...new Int32Array(await read(`${i}.ids`))]));
  const source = t5Source(file);
  checkT5Weights(source, config);
  const model = await T5Encoder.load(device, source, config);
  for (const { states } of [model.forward(ids), await streamT5(device, source, config, ids)]) {
    const made = await states.read();
    const row = states.shape[1]! * config.hiddenSize;
    for (const [i, text] of ids.entries()) {
      const own = Float32Array.from(made.slice(i * row, i * row + text.length * config.hiddenSize));
      const right = new Float32Array(await read(`${i}.states`));
      expect(compareArrays(own, right).error).toBeLessThan(2e-5);
    }
    states.dispose();
  }
  model.dispose();
  await Promise.all([file.close(), expected.close()]);
});
