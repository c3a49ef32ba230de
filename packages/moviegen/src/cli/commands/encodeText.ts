// moviegen encode-text: writes the states of a prompt and its negative prompt as a safetensors file, which `generate
// --prompt-states` takes in the place of a text encoder.

import type { Command } from 'commander';
import { InputError } from '../../errors.ts';
import { WAN_NEGATIVE_PROMPT } from '../../families/wan/defaults.ts';
import { encodePrompt } from '../../families/wan/encodePrompt.ts';
import { promptStatesFile } from '../../generate/promptStates.ts';
import { withCheckpoint, withTokenizer } from '../common.ts';
import { checkWords } from '../prompts.ts';
import {
  adapterName,
  adapterRecord,
  defaultModel,
  MEGABYTES,
  type ModelOptions,
  type Run,
  secondsLine,
  secondsRecord,
} from '../run.ts';

interface Options extends ModelOptions {
  readonly negativePrompt?: string;
  readonly output?: string;
}

/** Adds the command. */
export function addEncodeText(program: Command, run: Run): void {
  const command = program
    .command('encode-text')
    .description('turn a prompt into the states that Wan reads, by the files of its text encoder alone')
    .argument('<prompt...>', 'what the video should show')
    .option(
      '-n, --negative-prompt <text>',
      'what it should not show; the word default stands for the text of Wan’s authors (default: none)',
    )
    .option(
      '-o, --output <file>',
      'file for the states, or - for standard output (default: prompt.safetensors)',
    );
  command.option(
    '--text-encoder <place>',
    'the text encoder in place of the checkpoint’s: a folder, a .safetensors or a .gguf file',
  );
  withCheckpoint(withTokenizer(command)).action((words: string[], options: Options) =>
    encodeText(run, words, options),
  );
}

async function encodeText(run: Run, words: readonly string[], options: Options): Promise<void> {
  run.configure(options);
  const { signal, bars, outputs } = run;
  const prompt = words.join(' ');
  const given = options.negativePrompt ?? '';
  for (const text of [prompt, given]) checkWords('encode-text', text);
  const negativePrompt = given === 'default' ? WAN_NEGATIVE_PROMPT : given;
  const file = options.output ?? (await outputs.choose('prompt.safetensors'));
  if (file !== '-') await outputs.check(file);
  const device = await run.device(options);
  bars.begin('text', undefined, MEGABYTES);
  const { textEncoder, tokenizer } = options;
  if (typeof tokenizer === 'object')
    throw new InputError('encode-text: --tokenizer: there is one encoder: give the folder alone');
  const source = options.model ?? (textEncoder === undefined ? defaultModel() : { textEncoder });
  const states = await encodePrompt(source, prompt, {
    ...run.filesOptions(options),
    ...(textEncoder !== undefined && { parts: { textEncoder } }),
    ...(tokenizer !== undefined && { tokenizer }),
    device,
    negativePrompt,
    ...(options.dtype && { dtype: options.dtype }),
    signal,
    onProgress: ({ bytes, totalBytes }) => bars.show('text', bytes, totalBytes, MEGABYTES),
  });
  run.note(states.notes);
  bars.begin('write');
  const bytes = promptStatesFile(states);
  const output = await run.write({ path: file, bytes, made: options.output === undefined });
  bars.end();
  const [tokens, width] = states.prompt.shape;
  const [negativeTokens] = states.negativePrompt.shape;
  if (options.json)
    run.print({
      path: output,
      prompt,
      negativePrompt,
      tokens,
      negativeTokens,
      width,
      ...(states.notes && { notes: states.notes }),
      adapter: adapterRecord(device),
      memory: device.memory(),
      seconds: secondsRecord(bars.seconds),
    });
  else {
    run.say(`${output}  states of ${tokens} and ${negativeTokens} tokens, width ${width}`);
    run.say(`adapter: ${adapterName(device)}`);
    run.say(secondsLine(bars.seconds));
  }
}
