// Options that several commands have, worded once. What the commands do with them is in run.ts.

import { type Command, Option } from 'commander';
import { InputError } from '../errors.ts';
import { bytes, header, lora, policy, tokenizer } from './values.ts';

/** Adds the options of every command. */
export function withCommon(command: Command): Command {
  return command
    .option('--json', 'print one JSON document on stdout, progress only on a terminal')
    .option('-q, --quiet', 'show no progress')
    .option('--verbose', 'list all tensors where an error names only the first ones')
    .option('--debug', 'show where an error arose');
}

/** Adds the options of commands that compute on a device. */
export function withAdapter(command: Command): Command {
  return withCommon(
    command.option(
      '--adapter <name>',
      'part of the adapter’s name (default: the system’s GPU, else SwiftShader)',
    ),
  );
}

/** Adds the options of commands that open a checkpoint, by address or not. */
export function withSource(command: Command): Command {
  return command
    .option(
      '--variant <name>',
      'which weights, where a folder has several: fp16 (default: the plain ones, or the only ones)',
    )
    .option(
      '--header <line>',
      "header for the server of an address: 'Authorization: Bearer TOKEN'; may be given several times",
      header,
    )
    .option('--revision <name>', 'branch, tag or commit of a model of the hub (default: main)');
}

/** Adds the options of commands that load a part of a checkpoint. */
export function withCheckpoint(command: Command): Command {
  return withAdapter(
    withSource(command)
      .option(
        '-m, --model <place>',
        'the checkpoint: a folder, an address, or a model of the hub as ORG/NAME (default: models/shapes-world; for pictures, extending and edits models/shapes-world-jobs, for reference pictures models/shapes-world-reference; of judge --job letters models/shapes-world-letters)',
      )
      .option(
        '--dtype <type>',
        'f32, f16, or weights in q8 or q4 (q8/f16: all else in f16); or one per part: dit=q8,tae=f16,text=f16 (default: f32)',
        policy,
      ),
  );
}

/** Adds the option of tokenizers that lie elsewhere. */
export function withTokenizer(command: Command): Command {
  return command.option(
    '--tokenizer <[encoder=]place>',
    'a tokenizer that is not in its encoder’s folder: its folder, or its tokenizer.json; for several encoders ul2=DIR and metaclip=DIR, each on its own',
    tokenizer,
  );
}

/** Adds the options of models that are named one by one. */
export function withParts(command: Command): Command {
  return command
    .option(
      '--transformer <place>',
      'a transformer in place of the checkpoint’s: a folder, a .safetensors or a .gguf file',
    )
    .option('--transformer-2 <place>', 'the expert for low noise, where there are two')
    .option('--vae <place>', 'an autoencoder in place of the checkpoint’s')
    .option('--text-encoder <place>', 'a text encoder in place of the checkpoint’s');
}

/** Adds the options of commands that load all models of a checkpoint. */
export function withModel(command: Command): Command {
  return withCheckpoint(
    withTokenizer(withParts(command))
      .option(
        '--lora <file[:weight]>',
        'merge a LoRA (a file, an address, ORG/NAME of the hub) into the transformer with a weight (default: 1); may be given several times',
        lora,
      )
      .option(
        '--lora-2 <file[:weight]>',
        'the same for the expert for low noise, where there are two; --lora is then for the one for high noise',
        lora,
      )
      .option(
        '--lora-partial',
        'apply what can be applied of LoRAs that also hold other changes (DoRA, LoHa, text encoders)',
      )
      .option(
        '--max-memory <bytes>',
        'limit for the transformer’s weights on the device, like 8GiB; layers beyond it are streamed at every step',
        bytes,
      )
      .addOption(
        new Option(
          '--offload <where>',
          'where streamed layers are read from (default: disk for folders, host for addresses)',
        ).choices(['disk', 'host']),
      ),
  );
}

/** Refuses options that `what` has no use for. @throws InputError naming the options that were given and are not in `names` */
export function onlyWith(command: Command, names: readonly string[], what: string): void {
  const given = command.options
    .filter((option) => command.getOptionValueSource(option.attributeName()) === 'cli')
    .filter((option) => !names.includes(option.attributeName()));
  if (given.length === 0) return;
  const flags = given.map(({ long }) => long).join(', ');
  throw new InputError(`${command.name()}: ${what} takes no ${flags}`);
}
