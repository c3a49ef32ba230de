// Wan's models as a plan loads them: on a device that allocates nothing, with zeros for weights. Configs come from a checkpoint's
// files or are those of a published size.

import type { Device } from '@moviegen/tensor';
import { parseT5Config, type T5Config, Tokenizer } from '@moviegen/text';
import {
  autoencoderConfigs,
  isLinearWeight,
  loadWanTransformer,
  parseAutoencoderConfig,
  parseTransformerConfig,
  transformerConfigs,
  WanAutoencoder,
  type WanAutoencoderConfig,
  WanTransformer,
  type WanTransformerConfig,
} from '@moviegen/wan';
