// In the page: pictures and videos out of files, whole or damaged, as this browser's decoders read them.

import { decodeVideo } from 'moviegen';

/** What a video looks like: its shape, and a value of its pixels in each corner's quarter, or why it is not read. */
export async function seen(
  path: string,
  bytes?: number,
): Promise<{ shape?: number[]; data?: number[]; error?: string }> {
  const file = new Uint8Array(await (await fetch(path)).arrayBuffer());
  try {
    const { shape, data } = await decodeVideo(file.slice(0, bytes), { name: 'x' });
    return { shape: [...shape], data: [...data.subarray(0, shape[1] * shape[2] * 3)] };
  } catch (error) {
    return { error: String(error) };
  }
}
