// The public names of @moviegen/wan.

export { autoencoderName, autoencoderSource } from './names/autoencoder.ts';
export { originalTransformerName, transformerName, transformerSource } from './names/transformer.ts';
