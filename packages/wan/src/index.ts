// The public names of @moviegen/wan.

export { autoencoderNames, autoencoderSource } from './layouts/autoencoderNames.ts';
export { originalTransformerName, transformerName, transformerSource } from './layouts/transformerNames.ts';
