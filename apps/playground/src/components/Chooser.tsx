// A button that chooses a file.

import type { ComponentChildren, RefObject } from 'preact';

interface Properties {
  readonly input?: RefObject<HTMLInputElement | null>;
  /** Default: pictures and videos. */
  readonly accept?: string;
  readonly onFile: (file: File) => void;
  readonly children: ComponentChildren;
}

export function Chooser({ input, accept = 'image/*,video/*,.mkv,.mov', onFile, children }: Properties) {
  return (
    <label class="chooser">
      <input
        {...(input && { ref: input })}
        type="file"
        class="hidden"
        accept={accept}
        onChange={({ currentTarget }) => {
          const file = currentTarget.files?.[0];
          if (file !== undefined) onFile(file);
          currentTarget.value = ''; // the same file may be chosen again
        }}
      />
      {children}
    </label>
  );
}
