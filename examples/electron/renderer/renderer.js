// The renderer: Chromium's WebGPU makes the video out of a checkpoint that the main process reads.

import { encodeVideo, VideoPipeline } from 'moviegen';

const { bridge } = window;

/** @type {import('moviegen').CheckpointFiles} */
const checkpoint = {
  label: 'checkpoint',
  folder: (folder) => async (name) => {
    const byteLength = await bridge.size(folder, name);
    if (byteLength === undefined) return undefined;
    const read = (/** @type {number} */ start, /** @type {number} */ end) =>
      bridge.read(folder, name, start, end);
    return { label: `${folder}/${name}`, byteLength, read, close: async () => {} };
  },
};

const form = /** @type {HTMLFormElement} */ (document.querySelector('form'));
const status = /** @type {HTMLElement} */ (document.querySelector('[role=status]'));
/** @type {VideoPipeline | undefined} */
let pipeline;

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const button = /** @type {HTMLButtonElement} */ (form.querySelector('button'));
  button.disabled = true;
  status.textContent = 'working';
  try {
    pipeline ??= await VideoPipeline.fromPretrained(checkpoint);
    const { frames } = await pipeline.generate(String(new FormData(form).get('prompt')));
    const file = await bridge.save(await encodeVideo(frames, { format: 'mp4' }));
    status.textContent = file === undefined ? 'not kept' : `written to ${file}`;
  } catch (error) {
    status.textContent = error instanceof Error ? error.message : String(error);
  }
  button.disabled = false;
});
