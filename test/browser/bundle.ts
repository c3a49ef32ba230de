// Bundles sources for browsers, as a user's own tool would do it.

import { type OutputChunk, rolldown } from 'rolldown';

/**
 * Bundles a module into one ES module.
 * @param input a path, or the text of a module that imports packages by their names; a text is recognised by a line break
 */
export async function bundle(input: string, { minify = false } = {}): Promise<OutputChunk> {
  return (await chunks(input, { minify, codeSplitting: false }))[0]!;
}

/** Bundles a module into its own chunk, the first one, and others for what it imports dynamically. */
export async function chunks(
  input: string,
  { minify = false, codeSplitting = true } = {},
): Promise<OutputChunk[]> {
  const entry = `${import.meta.dirname}/entry.js`;
  const build = await rolldown({
    input: input.includes('\n') ? entry : input,
    platform: 'browser',
    resolve: { conditionNames: ['@moviegen/source', 'browser', 'import', 'default'] },
    plugins: [
      {
        name: 'text',
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => (id === entry ? input : undefined),
      },
    ],
    onLog(level, log, print) {
      if (level !== 'warn') return print(level, log);
      // Whoever takes everything has loaded by `plan` what `VideoPipeline` would load later: nothing is lost.
      if (log.code === 'INEFFECTIVE_DYNAMIC_IMPORT') return;
      throw new Error(`bundle: ${log.message}`);
    },
  });
  try {
    const { output } = await build.generate({ format: 'esm', codeSplitting, minify });
    return output.filter((part) => part.type === 'chunk');
  } finally {
    await build.close();
  }
}
