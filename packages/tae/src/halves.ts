// A TAE in f16 must stay within the range of that type, 65504. Blocks add to a stream that every later layer normalizes, so
// nothing keeps it from growing in training, by a factor of hundreds at each change of resolution. In f16 the same function
// is computed on a stream divided by powers of two, which loses no bit: the layers that write to the stream are
// divided at load. The factors come from the weights alone; approximate ones are enough.
import { mul, type Tensor } from '@moviegen/tensor';

/** Weights of a TAE by their names. */
type Weights = Record<string, Tensor>;

/** Replaces the record's tensors that write to the streams of encoder and decoder by divided ones. */
export async function fitHalves(weights: Weights): Promise<void> {
  for (const side of ['encoder', 'decoder']) {
    let exponent = await changeStream(weights, `${side}.conv_in`, 0);
    const blocks = Object.keys(weights).flatMap(
      (name) => name.match(/^\w+\.\w+_blocks?(\.\d+)?(?=\.)/)?.[0] ?? [],
    );
    const own = [...new Set(blocks)].filter((block) => block.startsWith(`${side}.`));
    for (const block of inOrder(own, side)) {
      for (let i = 0; `${block}.resnets.${i}.conv1.weight` in weights; i++) {
        const path = `${block}.resnets.${i}`;
        exponent = await changeStream(weights, `${path}.conv_shortcut`, exponent);
        addToStream(weights, `${path}.conv2`, exponent);
      }
      for (const kind of ['attentions', 'temporal_attentions'])
        for (let i = 0; `${block}.${kind}.${i}.to_out.0.weight` in weights; i++)
          addToStream(weights, `${block}.${kind}.${i}.to_out.0`, exponent);
      for (const kind of ['upsamplers', 'downsamplers'])
        exponent = await changeStream(weights, `${block}.${kind}.0.conv`, exponent);
    }
  }
}

/** Blocks as the stream passes them: levels in order; the middle comes first in the decoder, last in the encoder. */
function inOrder(blocks: readonly string[], side: string): string[] {
  const place = (block: string): number => {
    if (block.endsWith('mid_block')) return side === 'decoder' ? -1 : Number.POSITIVE_INFINITY;
    return Number(block.split('.').at(-1));
  };
  return [...blocks].sort((a, b) => place(a) - place(b));
}

/** A layer from the stream to the stream, divided already by 2^exponent: the exponent after it. */
async function changeStream(weights: Weights, path: string, exponent: number): Promise<number> {
  if (!(`${path}.weight` in weights)) return exponent;
  const spatial = exponent + (await gainOf(weights[`${path}.weight`]!));
  divide(weights, `${path}.weight`, spatial - exponent);
  divide(weights, `${path}.bias`, spatial);
  const temporal = weights[`${path}.temporal.weight`];
  if (!temporal) return spatial;
  const after = spatial + (await gainOf(temporal));
  divide(weights, `${path}.temporal.weight`, after - spatial);
  divide(weights, `${path}.temporal.bias`, after);
  return after;
}

/** A layer from normalized values to the stream. Each of two convolutions takes half of the division, so that both stay normal. */
function addToStream(weights: Weights, path: string, exponent: number): void {
  const spatial = `${path}.temporal.weight` in weights ? Math.floor(exponent / 2) : exponent;
  divide(weights, `${path}.weight`, spatial);
  divide(weights, `${path}.bias`, spatial);
  divide(weights, `${path}.temporal.weight`, exponent - spatial);
  divide(weights, `${path}.temporal.bias`, exponent);
}

/**
 * How much larger a convolution [O, I, ...window] makes values, as the exponent of a power of two, for inputs whose channels
 * differ and whose neighbours in the window are alike.
 */
async function gainOf(weight: Tensor): Promise<number> {
  const [O = 1, I = 1] = weight.shape;
  const values = await weight.read();
  const taps = values.length / (O * I);
  let squares = 0;
  for (let row = 0; row < O * I; row++) {
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) sum += values[row * taps + tap]!;
    squares += sum * sum;
  }
  const gain = Math.sqrt(squares / O);
  return gain > 0 && Number.isFinite(gain) ? Math.round(Math.log2(gain)) : 0;
}

function divide(weights: Weights, name: string, exponent: number): void {
  const weight = weights[name];
  if (!weight || exponent === 0) return;
  weights[name] = mul(weight, 2 ** -exponent);
  weight.dispose();
}
